// Turns a MemberFilter of the API into what search evaluates.

#ifndef MITRA_SERVICES_SEARCH_FILTER_FILTER_READER_H_
#define MITRA_SERVICES_SEARCH_FILTER_FILTER_READER_H_

#include <string>
#include <vector>

#include "common/status/errors.h"
#include "services/search/filter/member_filter.h"

namespace mitra::v1 {
class AmountFilter;
class MemberFilter;
}  // namespace mitra::v1

namespace mitra::search {

// Reads one filter with those inside it, noting every field that is wrong.
class FilterReader {
 public:
  explicit FilterReader(FieldViolations& violations)
      : violations_(violations) {}

  // `depth` is 1 for the outermost.
  MemberFilter::Node Read(const v1::MemberFilter& proto,
                          const std::string& path, int depth);
  std::vector<std::string> ReadExcluded(const v1::MemberFilter& proto,
                                        const std::string& path);

 private:
  void ReadCodes(const v1::MemberFilter& proto, const std::string& path,
                 MemberFilter::Node& node);
  void ReadTimes(const v1::MemberFilter& proto, const std::string& path,
                 MemberFilter::Node& node);
  void ReadAmount(const v1::AmountFilter& proto, const std::string& path,
                  Figure::Kind kind, MemberFilter::Node& node);
  void ReadNested(const v1::MemberFilter& proto, const std::string& path,
                  int depth, MemberFilter::Node& node);
  // Notes a list that is too long; true if it is not.
  bool CheckSize(const std::string& field, int size, int limit);

  FieldViolations& violations_;
  int filters_ = 0;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_FILTER_READER_H_
