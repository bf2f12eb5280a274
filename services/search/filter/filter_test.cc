#include <random>
#include <set>

#include "common/status/status_matchers.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/filter.pb.h"
#include "services/search/filter/member_filter.h"

namespace mitra::search {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

RowAttributes Row(absl::string_view region, absl::string_view sector) {
  RowAttributes row;
  row.region = taxonomy::RegionIndex(region);
  row.village = VillageNumber(region);
  row.sectors[0] = taxonomy::SectorIndex(sector);
  return row;
}

class FilterTest : public testing::Test {
 protected:
  void Put(uint32_t row, const RowAttributes& attributes) {
    std::vector<AttributeKey> keys;
    KeysOf(attributes, keys);
    postings_.Add(row, keys);
  }
  std::set<uint32_t> Match(const v1::MemberFilter& proto) {
    const auto filter = MemberFilter::FromProto(proto, "filter");
    EXPECT_TRUE(filter.ok()) << filter.status();
    const auto rows = filter->Match(postings_.Freeze());
    EXPECT_NE(rows, nullptr);
    std::set<uint32_t> found;
    for (uint32_t row : *rows) found.insert(row);
    return found;
  }
  PostingIndex postings_;
};

TEST_F(FilterTest, RegionsAndSectorsMatchAtEveryLevel) {
  Put(1, Row("33.72.01", "10710"));
  Put(2, Row("33.72.02", "1071"));
  Put(3, Row("33.01.01", "56101"));
  Put(4, Row("33.72.01.1001", "10"));
  Put(5, Row("", ""));
  const auto region = [&](const char* code) {
    v1::MemberFilter filter;
    filter.add_region_codes(code);
    return Match(filter);
  };
  const auto sector = [&](const char* code) {
    v1::MemberFilter filter;
    filter.add_sector_codes(code);
    return Match(filter);
  };

  EXPECT_THAT(region("33"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(region("33.72"), ElementsAre(1, 2, 4));
  EXPECT_THAT(region("33.72.01"), ElementsAre(1, 4));
  EXPECT_THAT(region("33.72.01.1001"), ElementsAre(4));
  EXPECT_THAT(region("11"), ElementsAre());
  EXPECT_THAT(sector("10"), ElementsAre(1, 2, 4));
  EXPECT_THAT(sector("1071"), ElementsAre(1, 2));
  EXPECT_THAT(sector("10710"), ElementsAre(1));
  v1::MemberFilter both;
  both.add_region_codes("33.01");
  both.add_region_codes("33.72.02");
  both.add_sector_codes("10");
  EXPECT_THAT(Match(both), ElementsAre(2));
}

TEST_F(FilterTest, EqualsBruteForceOverRandomRowsAndFilters) {
  std::mt19937 random(21);
  std::vector<RowAttributes> rows;
  for (uint32_t row = 0; row < 3000; ++row) {
    RowAttributes a;
    a.kind = static_cast<uint8_t>(1 + random() % 6);
    a.scale = static_cast<uint8_t>(random() % 5);
    a.norms = static_cast<uint16_t>((random() % 256) << 1);
    a.offers = static_cast<uint16_t>((random() & random() & 1023) << 1);
    a.needs = static_cast<uint16_t>((random() & random() & 1023) << 1);
    a.languages[0] = PackLanguage(random() % 3 == 0 ? "id" : "jv");
    a.seats_free = random() % 2 == 0;
    a.verified = random() % 4 == 0;
    rows.push_back(a);
    Put(row, a);
  }
  // Half of them change, through the difference of their keys.
  std::vector<AttributeKey> old_keys, new_keys;
  for (uint32_t row = 0; row < 3000; row += 2) {
    KeysOf(rows[row], old_keys);
    rows[row].kind = static_cast<uint8_t>(1 + random() % 6);
    rows[row].needs = static_cast<uint16_t>((random() % 1024) << 1);
    rows[row].seats_free = !rows[row].seats_free;
    KeysOf(rows[row], new_keys);
    postings_.Change(row, old_keys, new_keys);
  }
  for (int round = 0; round < 200; ++round) {
    v1::MemberFilter f;
    if (random() % 2)
      f.add_kinds(static_cast<v1::MemberKind>(1 + random() % 6));
    if (random() % 2)
      f.add_kinds(static_cast<v1::MemberKind>(1 + random() % 6));
    if (random() % 3 == 0) f.add_scales(v1::SCALE_MICRO);
    if (random() % 3 == 0) {
      f.add_offers(static_cast<v1::Resource>(1 + random() % 10));
      f.add_offers(static_cast<v1::Resource>(1 + random() % 10));
    }
    if (random() % 3 == 0) {
      f.add_needs(static_cast<v1::Resource>(1 + random() % 10));
    }
    if (random() % 3 == 0) f.add_norms(v1::NORM_KIND_HALAL);
    if (random() % 3 == 0) f.add_languages("id");
    f.set_seats_free(random() % 2 == 0);
    f.set_verified(random() % 4 == 0);
    const auto filter = MemberFilter::FromProto(f, "filter");
    ASSERT_TRUE(filter.ok());
    const auto matches = filter->Match(postings_.Freeze());
    if (matches == nullptr) continue;
    for (uint32_t row = 0; row < rows.size(); ++row) {
      const RowAttributes& a = rows[row];
      bool want = f.kinds().empty();
      for (int kind : f.kinds()) want |= a.kind == kind;
      if (!f.scales().empty()) want &= a.scale == v1::SCALE_MICRO;
      for (int r : f.offers()) want &= (a.offers >> r & 1) != 0;
      for (int r : f.needs()) want &= (a.needs >> r & 1) != 0;
      for (int n : f.norms()) want &= (a.norms >> n & 1) != 0;
      if (!f.languages().empty()) {
        want &= a.languages[0] == PackLanguage("id");
      }
      if (f.seats_free()) want &= a.seats_free;
      if (f.verified()) want &= a.verified;
      ASSERT_EQ(matches->contains(row), want)
          << f.ShortDebugString() << " row " << row;
    }
  }
}

TEST_F(FilterTest, FrozenViewsDoNotChange) {
  Put(1, Row("33", "10"));
  const PostingIndex::View before = postings_.Freeze();
  Put(2, Row("33", "10"));
  std::vector<AttributeKey> keys;
  KeysOf(Row("33", "10"), keys);
  postings_.Remove(1, keys);
  const PostingIndex::View after = postings_.Freeze();

  const AttributeKey key = RegionKey(taxonomy::RegionIndex("33"));
  EXPECT_EQ(*before.Find(key), Roaring::bitmapOf(1, 1));
  EXPECT_EQ(*after.Find(key), Roaring::bitmapOf(1, 2));
}

TEST(MemberFilterTest, NamesEachBadField) {
  v1::MemberFilter bad;
  bad.add_kinds(static_cast<v1::MemberKind>(99));
  bad.add_kinds(v1::MEMBER_KIND_UNSPECIFIED);
  bad.add_region_codes("33.72");
  bad.add_region_codes("99.99");
  bad.add_sector_codes("00000");
  bad.add_norms(static_cast<v1::NormKind>(77));
  bad.add_languages("1d");
  bad.add_exclude_ids("ok");
  bad.add_exclude_ids("not/ok");

  const absl::Status status = MemberFilter::FromProto(bad, "filter").status();

  EXPECT_THAT(ViolatedFields(status),
              UnorderedElementsAre(
                  "filter.kinds[0]", "filter.kinds[1]", "filter.norms[0]",
                  "filter.region_codes[1]", "filter.sector_codes[0]",
                  "filter.languages[0]", "filter.exclude_ids[1]"));
  v1::MemberFilter many;
  for (int i = 0; i < 1001; ++i) many.add_exclude_ids("a");
  EXPECT_THAT(MemberFilter::FromProto(many, "f"), NamesField("f.exclude_ids"));
}

TEST(MemberFilterTest, AnEmptyFilterHasNoConditionOnRows) {
  PostingIndex postings;
  v1::MemberFilter proto;
  proto.add_exclude_ids("a");
  MITRA_ASSERT_OK_AND_ASSIGN(const MemberFilter filter,
                             MemberFilter::FromProto(proto, "filter"));
  EXPECT_EQ(filter.Match(postings.Freeze()), nullptr);
  EXPECT_THAT(filter.excluded_ids(), ElementsAre("a"));
}

}  // namespace
}  // namespace mitra::search
