// What evidence, feedback, blocks, consents and the general fields of requests
// must be. The one place for all entrances.

#ifndef MITRA_SERVICES_PROFILE_INGEST_REQUEST_VALIDATION_H_
#define MITRA_SERVICES_PROFILE_INGEST_REQUEST_VALIDATION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/validation/field_checks.h"

namespace mitra::v1 {
class Block;
class Consent;
class Evidence;
class Feedback;
}  // namespace mitra::v1

namespace mitra::profile {

// All return INVALID_ARGUMENT with every field that is wrong.
absl::Status ValidateEvidence(const v1::Evidence& evidence,
                              const FieldPath& path, absl::Time now);
absl::Status ValidateFeedback(const v1::Feedback& feedback,
                              const FieldPath& path, absl::Time now);
absl::Status ValidateConsent(const v1::Consent& consent, const FieldPath& path);
absl::Status ValidateBlock(const v1::Block& block, const FieldPath& path);

// 1 to 64 bytes of printable ASCII, or empty.
absl::Status ValidateRequestId(absl::string_view request_id);

// A batch of 1 to `max` rows.
absl::Status ValidateBatchSize(absl::string_view field, int size, int max);

// 0 means 100, above 1,000 means 1,000; negative is INVALID_ARGUMENT.
absl::StatusOr<size_t> PageSize(int32_t page_size);

// Where the next page of a query begins. Tokens live for a day and are good for
// every process that serves the same record.
class PageTokens {
 public:
  // `record_key`: the record's id_hash_key. `clock` must outlive the object.
  PageTokens(absl::string_view record_key, const Clock& clock);
  // `query` is any text that differs between queries.
  std::string Encode(absl::string_view query, absl::string_view after) const;
  // Empty for an empty token. INVALID_ARGUMENT (page_token) if the token is
  // broken, too old or of another query.
  absl::StatusOr<std::string> Decode(absl::string_view query,
                                     absl::string_view token) const;

 private:
  std::string key_;
  const Clock& clock_;
};

// The etag of a state: the record's incarnation and the revision.
std::string EncodeEtag(uint64_t record_incarnation, uint64_t revision);
// The revision that an etag stands for, a number that no entity has if it is
// of another record; nothing for an empty etag. INVALID_ARGUMENT if it was
// never an etag; `field` names it.
absl::StatusOr<std::optional<uint64_t>> DecodeEtag(absl::string_view field,
                                                   uint64_t record_incarnation,
                                                   absl::string_view etag);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_REQUEST_VALIDATION_H_
