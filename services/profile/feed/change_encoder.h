// Changes as they travel in the feed, made from what is stored without parsing
// it: the stored form of an entity is already the followers' form.

#ifndef MITRA_SERVICES_PROFILE_FEED_CHANGE_ENCODER_H_
#define MITRA_SERVICES_PROFILE_FEED_CHANGE_ENCODER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "services/profile/store/entity.h"

namespace mitra::v1 {
class FeedSelector;
}

namespace mitra::profile {

// Which changes a follower wants, as a small number to compare and to cache by.
struct Selection {
  bool profiles = false;
  bool vectors = false;
  bool relations = false;
  // In the header, not among the changes.
  bool token_key = false;
  bool redirects = false;

  static Selection From(const v1::FeedSelector& selector);
  bool Wants(EntityType type) const;
  int index() const {
    return profiles + 2 * vectors + 4 * relations + 8 * redirects;
  }
  static constexpr int kCount = 16;
};

// Appends the change to `out` as an entry of field 2 of a WatchResponse or a
// ReadSnapshotResponse, if it is selected. Deletions always are. False if the
// record is damaged; nothing is appended then. Document numbers, contact,
// notes and references are never in what is appended.
bool AppendChange(const Change& change, Selection selection,
                  uint64_t record_incarnation, std::string& out);

// Appends one length-delimited field of a message.
void AppendBytesField(int field, absl::string_view bytes, std::string& out);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_FEED_CHANGE_ENCODER_H_
