#include "tests/bench/search_sample.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/search/testing/vector_sets.h"

namespace mitra::bench {
namespace {

constexpr const char* kGoods[] = {"keripik", "batik",  "kopi",   "sabun",
                                  "mebel",   "sepatu", "madu",   "gerabah",
                                  "roti",    "tenun",  "sambal", "anyaman"};
constexpr const char* kWork[] = {"pemasaran", "pembukuan", "perizinan",
                                 "kemasan",   "produksi",  "ekspor",
                                 "permodalan"};
constexpr const char* kPlaces[] = {"33.72.01", "33.74.02", "32.73.03",
                                   "35.78.04", "31.71.01", "34.71.02"};
constexpr const char* kSectors[] = {"10794", "13134", "56102", "20231"};

template <size_t N>
const char* Pick(const char* const (&words)[N], size_t number) {
  return words[number % N];
}

}  // namespace

SearchSample::SearchSample(bool reciprocal, size_t dimension, size_t mentors,
                           size_t subjects)
    : reciprocal_(reciprocal),
      dimension_(dimension),
      mentors_(mentors),
      subjects_(subjects) {
  values_.resize(mentors * width());
  asked_.resize(subjects * width());
  // What mentors offer and subjects need comes from one set, the other sides
  // from another.
  const auto draw = [&](uint32_t seed, size_t begin) {
    search::VectorSet set(dimension_, false, seed);
    for (size_t i = 0; i < mentors + subjects; ++i) {
      const std::vector<float> v = set.Next();
      float* to = i < mentors ? values_.data() + i * width()
                              : asked_.data() + (i - mentors) * width();
      std::copy(v.begin(), v.end(), to + begin);
    }
  };
  std::thread other;
  if (reciprocal) other = std::thread([&] { draw(2, dimension_); });
  draw(1, 0);
  if (other.joinable()) other.join();
  std::mt19937 random(3);
  for (size_t i = 0; i < subjects; ++i) {
    weights_.push_back(reciprocal ? (random() % 1001) / 1000.0 : 1);
  }
}

std::string SearchSample::Bytes(const float* values) const {
  return {reinterpret_cast<const char*>(values), dimension_ * sizeof(float)};
}

std::vector<float> SearchSample::Question(size_t subject) const {
  const auto weight = static_cast<float>(weights_[subject]);
  std::vector<float> joint(
      asked_.begin() + static_cast<ptrdiff_t>(subject * width()),
      asked_.begin() + static_cast<ptrdiff_t>((subject + 1) * width()));
  for (size_t i = 0; i < joint.size(); ++i) {
    joint[i] *= i < dimension_ ? weight : 1 - weight;
  }
  return joint;
}

std::string SearchSample::MentorId(size_t mentor) {
  return absl::StrFormat("umkm-%07d", mentor);
}
std::string SearchSample::SubjectId(size_t subject) {
  return absl::StrCat("ask-", subject);
}

v1::FeedHeader SearchSample::Header() const {
  v1::FeedHeader header;
  header.set_record_incarnation(kIncarnation);
  header.set_head_revision(entries());
  header.set_space(absl::StrCat("bench/", dimension_, "/1"));
  header.set_dimension(dimension_);
  header.set_id_hash_key("0123456789abcdef");
  return header;
}

v1::Change SearchSample::Entry(size_t number) const {
  const bool mentor = number < mentors_;
  const size_t at = mentor ? number : number - mentors_;
  const float* values = (mentor ? values_ : asked_).data() + at * width();
  v1::Change change;
  change.set_revision(number + 1);
  v1::ProfileChange& state = *change.mutable_profile();
  state.set_incarnation(1);
  v1::Profile& profile = *state.mutable_profile();
  profile.set_profile_id(mentor ? MentorId(at) : SubjectId(at));
  profile.set_revision(number + 1);
  profile.set_kind(v1::MEMBER_KIND_BUSINESS);
  profile.set_scale(static_cast<v1::Scale>(1 + at % 3));
  profile.set_region_code(Pick(kPlaces, at / 5));
  profile.add_sectors()->set_code(Pick(kSectors, at / 3));
  profile.add_languages("id");
  const char* goods = Pick(kGoods, at * 7 + at / 1000);
  const char* work = Pick(kWork, at / 11);
  profile.set_display_name(absl::StrCat(goods, " nomor ", at));
  v1::Facet& facet = *profile.add_facets();
  facet.set_role(mentor ? v1::ROLE_MENTOR : v1::ROLE_BUSINESS);
  facet.mutable_seats()->set_total(3);
  v1::Offer& offer = *facet.add_offers();
  offer.set_resource(v1::RESOURCE_MENTORING);
  offer.set_text(absl::StrCat("pendampingan ", work, " untuk usaha ", goods));
  v1::Need& need = *facet.add_needs();
  need.set_resource(v1::RESOURCE_COLLABORATION);
  need.set_text(absl::StrCat("mitra ", Pick(kWork, at / 13)));
  v1::FacetVectors& vectors = *state.add_vectors();
  vectors.set_role(facet.role());
  // A mentor's first vector is what it offers, a subject's what it needs.
  *(mentor ? vectors.mutable_offer() : vectors.mutable_need()) = Bytes(values);
  if (reciprocal_) {
    *(mentor ? vectors.mutable_need() : vectors.mutable_offer()) =
        Bytes(values + dimension_);
  }
  return change;
}

}  // namespace mitra::bench
