#include <cmath>
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
  void Put(uint32_t row, const RowAttributes& attributes,
           const std::vector<Figure>& figures = {}) {
    std::vector<AttributeKey> keys;
    KeysOf(attributes, figures, keys);
    postings_.Add(row, keys);
    attributes_.Grow(row + 1);
    attributes_.Mutable(row) = attributes;
    figures_.Set(row, figures);
  }
  FilterColumns Columns() {
    return {postings_.Freeze(), attributes_.Freeze(), figures_.Freeze()};
  }
  std::set<uint32_t> Match(const v1::MemberFilter& proto) {
    const auto filter = MemberFilter::FromProto(proto, "filter");
    EXPECT_TRUE(filter.ok()) << filter.status();
    const auto rows = filter->Match(Columns());
    EXPECT_NE(rows, nullptr);
    std::set<uint32_t> found;
    for (uint32_t row : *rows) found.insert(row);
    return found;
  }
  PostingIndex postings_;
  AttributeVector attributes_;
  FigureTable figures_;
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
    a.free_seats = static_cast<uint16_t>(random() % 3);
    a.verified = random() % 4 == 0;
    rows.push_back(a);
    Put(row, a);
  }
  // Half of them change, through the difference of their keys.
  std::vector<AttributeKey> old_keys, new_keys;
  for (uint32_t row = 0; row < 3000; row += 2) {
    KeysOf(rows[row], {}, old_keys);
    rows[row].kind = static_cast<uint8_t>(1 + random() % 6);
    rows[row].needs = static_cast<uint16_t>((random() % 1024) << 1);
    rows[row].free_seats ^= 1;
    KeysOf(rows[row], {}, new_keys);
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
    const auto matches = filter->Match(Columns());
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
      if (f.seats_free()) want &= a.free_seats > 0;
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
  KeysOf(Row("33", "10"), {}, keys);
  postings_.Remove(1, keys);
  const PostingIndex::View after = postings_.Freeze();

  const AttributeKey key = RegionKey(taxonomy::RegionIndex("33"));
  EXPECT_EQ(*before.Find(key), Roaring::bitmapOf(1, 1));
  EXPECT_EQ(*after.Find(key), Roaring::bitmapOf(1, 2));
}

v1::AmountFilter Amount(v1::Resource resource, const char* unit, double min,
                        double max) {
  v1::AmountFilter amount;
  amount.set_resource(resource);
  if (unit[0] >= 'A' && unit[0] <= 'Z') {
    amount.set_currency_code(unit);
  } else {
    amount.set_unit(unit);
  }
  if (min >= 0) amount.set_min(min);
  if (max >= 0) amount.set_max(max);
  return amount;
}

Figure Has(Figure::Kind kind, v1::Resource resource, double amount,
           const char* unit) {
  const auto measured = unit[0] >= 'A' && unit[0] <= 'Z'
                            ? MeasureOfMoney(amount, unit)
                            : MeasureOf(amount, unit);
  EXPECT_TRUE(measured.has_value());
  return {kind, static_cast<uint8_t>(resource), measured->measure,
          measured->value};
}

TEST_F(FilterTest, AmountsCountInUnitsThatConvertAndInNoOther) {
  Put(1, {}, {Has(Figure::kOffered, v1::RESOURCE_RAW_MATERIAL, 500, "kg")});
  Put(2, {}, {Has(Figure::kOffered, v1::RESOURCE_RAW_MATERIAL, 2, "ton")});
  Put(3, {}, {Has(Figure::kOffered, v1::RESOURCE_RAW_MATERIAL, 700, "l")});
  Put(4, {}, {Has(Figure::kNeeded, v1::RESOURCE_RAW_MATERIAL, 700, "kg")});
  Put(5, {},
      {Has(Figure::kOffered, v1::RESOURCE_CAPITAL, 5e6, "IDR"),
       Has(Figure::kOffered, v1::RESOURCE_CAPITAL, 300, "USD")});
  const auto offered = [&](const v1::AmountFilter& amount) {
    v1::MemberFilter filter;
    *filter.add_offer_amounts() = amount;
    return Match(filter);
  };

  EXPECT_THAT(offered(Amount(v1::RESOURCE_RAW_MATERIAL, "kg", 500, -1)),
              ElementsAre(1, 2));
  EXPECT_THAT(offered(Amount(v1::RESOURCE_RAW_MATERIAL, "kg", 500.5, -1)),
              ElementsAre(2));
  EXPECT_THAT(offered(Amount(v1::RESOURCE_RAW_MATERIAL, "ton", -1, 1)),
              ElementsAre(1));
  EXPECT_THAT(offered(Amount(v1::RESOURCE_CAPITAL, "IDR", 1e6, 1e7)),
              ElementsAre(5));
  EXPECT_THAT(offered(Amount(v1::RESOURCE_CAPITAL, "USD", 1e6, 1e7)),
              ElementsAre());
  v1::MemberFilter needs;
  *needs.add_need_amounts() = Amount(v1::RESOURCE_RAW_MATERIAL, "kg", 0, -1);
  EXPECT_THAT(Match(needs), ElementsAre(4));
}

TEST_F(FilterTest, RangesSeatsAndTimesEqualBruteForce) {
  std::mt19937 random(22);
  struct Facts {
    RowAttributes attributes;
    double money = -1;
    double start = -1;
  };
  std::vector<Facts> rows(2000);
  for (uint32_t row = 0; row < rows.size(); ++row) {
    Facts& f = rows[row];
    f.attributes.free_seats = static_cast<uint16_t>(random() % 80);
    std::vector<Figure> figures;
    if (random() % 2 == 0) {
      f.money = static_cast<double>(random() % (1U << (random() % 24)));
      figures.push_back(
          Has(Figure::kNeeded, v1::RESOURCE_CAPITAL, f.money, "IDR"));
    }
    if (random() % 2 == 0) {
      f.start = static_cast<double>(1760000000 + random() % 10000000);
      figures.push_back({Figure::kStart, 0, 0, f.start});
    }
    Put(row, f.attributes, figures);
  }
  for (int round = 0; round < 300; ++round) {
    const double a = static_cast<double>(random() % (1U << (random() % 24)));
    const double b = a + static_cast<double>(random() % 1000000);
    const auto from = static_cast<int64_t>(1760000000 + random() % 10000000);
    const auto before = from + 1 + static_cast<int64_t>(random() % 5000000);
    const auto seats = static_cast<int>(random() % 90);
    v1::MemberFilter f;
    const auto parts = random() % 8;
    if (parts & 1) {
      *f.add_need_amounts() = Amount(v1::RESOURCE_CAPITAL, "IDR", a, b);
    }
    if (parts & 2) {
      f.mutable_starts_from()->set_seconds(from);
      f.mutable_starts_before()->set_seconds(before);
    }
    if (parts & 4) f.set_min_free_seats(seats);
    const auto filter = MemberFilter::FromProto(f, "filter");
    ASSERT_TRUE(filter.ok()) << filter.status();
    const auto matches = filter->Match(Columns());
    if (matches == nullptr) continue;
    for (uint32_t row = 0; row < rows.size(); ++row) {
      const Facts& facts = rows[row];
      bool want = true;
      if (parts & 1) want &= facts.money >= a && facts.money <= b;
      if (parts & 2) {
        want &= facts.start >= static_cast<double>(from) &&
                facts.start < static_cast<double>(before);
      }
      if (parts & 4) want &= facts.attributes.free_seats >= seats;
      ASSERT_EQ(matches->contains(row), want)
          << f.ShortDebugString() << " row " << row;
    }
  }
}

TEST_F(FilterTest, AnyOfAndNoneOfNest) {
  for (uint32_t row = 0; row < 16; ++row) {
    RowAttributes a;
    a.kind = row & 1 ? v1::MEMBER_KIND_PERSON : v1::MEMBER_KIND_BUSINESS;
    a.scale = row & 2 ? v1::SCALE_MICRO : v1::SCALE_SMALL;
    a.verified = (row & 4) != 0;
    a.free_seats = row & 8 ? 1 : 0;
    Put(row, a);
  }
  v1::MemberFilter persons, micro, verified, seats;
  persons.add_kinds(v1::MEMBER_KIND_PERSON);
  micro.add_scales(v1::SCALE_MICRO);
  verified.set_verified(true);
  seats.set_seats_free(true);

  // (person or (micro, not verified)), seats free.
  v1::MemberFilter inner = micro;
  *inner.add_none_of() = verified;
  v1::MemberFilter all = seats;
  *all.add_any_of() = persons;
  *all.add_any_of() = inner;
  EXPECT_THAT(Match(all), ElementsAre(9, 10, 11, 13, 15));

  // Not anything of two, with nothing else said.
  v1::MemberFilter neither;
  *neither.add_none_of() = persons;
  *neither.add_none_of() = verified;
  EXPECT_THAT(Match(neither), ElementsAre(0, 2, 8, 10));

  // An empty filter holds everywhere: any of it says nothing, none of it
  // leaves nobody.
  v1::MemberFilter open = seats;
  *open.add_any_of() = persons;
  open.add_any_of();
  EXPECT_THAT(Match(open), ElementsAre(8, 9, 10, 11, 12, 13, 14, 15));
  open.add_none_of();
  EXPECT_THAT(Match(open), ElementsAre());
}

TEST(MemberFilterTest, LimitsDepthAndNumberAndNamesBadBounds) {
  v1::MemberFilter deep;
  v1::MemberFilter* at = &deep;
  for (int i = 0; i < 3; ++i) at = at->add_any_of();
  MITRA_EXPECT_OK(MemberFilter::FromProto(deep, "f").status());
  at->add_none_of();
  EXPECT_THAT(MemberFilter::FromProto(deep, "f"),
              NamesField("f.any_of[0].any_of[0].any_of[0]"));

  v1::MemberFilter wide;
  for (int i = 0; i < 50; ++i) wide.add_any_of();
  EXPECT_THAT(MemberFilter::FromProto(wide, "f"), NamesField("f.any_of[49]"));

  v1::MemberFilter bad;
  *bad.add_offer_amounts() = Amount(v1::RESOURCE_UNSPECIFIED, "kg", 1, 2);
  *bad.add_offer_amounts() = Amount(v1::RESOURCE_TRAINING, "kg", -1, -1);
  *bad.add_offer_amounts() = Amount(v1::RESOURCE_TRAINING, "parsec", 1, 2);
  *bad.add_need_amounts() = Amount(v1::RESOURCE_TRAINING, "kg", 3, 2);
  *bad.add_need_amounts() = Amount(v1::RESOURCE_CAPITAL, "Idr", 1, 2);
  bad.mutable_need_amounts(1)->set_min(std::nan(""));
  bad.add_need_amounts()->set_resource(v1::RESOURCE_CAPITAL);
  bad.mutable_need_amounts(2)->set_min(1);
  bad.set_min_free_seats(-1);
  bad.mutable_starts_from()->set_seconds(100);
  bad.mutable_starts_before()->set_seconds(100);
  bad.add_any_of()->add_exclude_ids("a");
  EXPECT_THAT(
      ViolatedFields(MemberFilter::FromProto(bad, "f").status()),
      UnorderedElementsAre("f.offer_amounts[0].resource", "f.offer_amounts[1]",
                           "f.offer_amounts[2].unit", "f.need_amounts[0].max",
                           "f.need_amounts[1].min", "f.need_amounts[2]",
                           "f.min_free_seats", "f.starts_before",
                           "f.any_of[0].exclude_ids"));
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
  v1::MemberFilter proto;
  proto.add_exclude_ids("a");
  MITRA_ASSERT_OK_AND_ASSIGN(const MemberFilter filter,
                             MemberFilter::FromProto(proto, "filter"));
  EXPECT_EQ(filter.Match(FilterColumns()), nullptr);
  EXPECT_THAT(filter.excluded_ids(), ElementsAre("a"));
}

}  // namespace
}  // namespace mitra::search
