// Builds the changes of a feed for tests.

#ifndef MITRA_SERVICES_SEARCH_TESTING_FEED_BUILDER_H_
#define MITRA_SERVICES_SEARCH_TESTING_FEED_BUILDER_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "common/feed/follower.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "services/search/index/index_state.h"

namespace mitra::search {

// Random unit vectors.
class UnitVectors {
 public:
  UnitVectors(size_t dimension, uint32_t seed)
      : dimension_(dimension), random_(seed) {}
  std::vector<float> Next() {
    std::vector<float> v(dimension_);
    double norm = 0;
    for (float& x : v) {
      x = normal_(random_);
      norm += double{x} * double{x};
    }
    for (float& x : v) x = static_cast<float>(x / std::sqrt(norm));
    return v;
  }
  std::mt19937& random() { return random_; }

 private:
  const size_t dimension_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_{0, 1};
};

inline std::string Bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(float)};
}

inline v1::FeedHeader HeaderFor(size_t dimension, uint64_t incarnation = 7) {
  v1::FeedHeader header;
  header.set_record_incarnation(incarnation);
  header.set_dimension(static_cast<uint32_t>(dimension));
  header.set_space("test/" + std::to_string(dimension) + "/1");
  header.set_id_hash_key("0123456789abcdef");
  return header;
}

// A change of one member; the parts can be changed through `profile()`.
class ChangeBuilder {
 public:
  ChangeBuilder(const std::string& id, uint64_t revision,
                uint64_t incarnation = 1) {
    change_.set_revision(revision);
    state().set_incarnation(incarnation);
    profile().set_profile_id(id);
    profile().set_display_name("Name of " + id);
    profile().set_kind(v1::MEMBER_KIND_BUSINESS);
    profile().set_revision(revision);
  }
  v1::Profile& profile() { return *state().mutable_profile(); }
  v1::Facet& facet(int i) { return *profile().mutable_facets(i); }

  ChangeBuilder& Facet(v1::Role role, const std::vector<float>& offer,
                       const std::vector<float>& need) {
    profile().add_facets()->set_role(role);
    v1::FacetVectors& vectors = *state().add_vectors();
    vectors.set_role(role);
    vectors.set_offer(Bytes(offer));
    vectors.set_need(Bytes(need));
    return *this;
  }
  const v1::Change& change() const { return change_; }

 private:
  v1::ProfileChange& state() { return *change_.mutable_profile(); }
  v1::Change change_;
};

inline v1::Change DeletionOf(const std::string& id, uint64_t revision,
                             uint64_t incarnation = 1) {
  v1::Change change;
  change.set_revision(revision);
  change.mutable_profile_deletion()->set_id_hash(
      feed::IdHash(HeaderFor(1).id_hash_key(), id));
  change.mutable_profile_deletion()->set_incarnation(incarnation);
  return change;
}

// Runs all background work that is due.
inline void Settle(IndexState& state) {
  const std::atomic<bool> stop{false};
  while (state.Maintain(stop)) {
  }
}

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_TESTING_FEED_BUILDER_H_
