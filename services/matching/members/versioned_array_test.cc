#include "services/matching/members/versioned_array.h"

#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

struct Counted {
  static int alive;
  Counted() { ++alive; }
  ~Counted() { --alive; }
};
int Counted::alive = 0;

void FreeCounted(void* object) { delete static_cast<Counted*>(object); }

TEST(VersionedArrayTest, OldVersionsKeepTheirValues) {
  Garbage garbage;
  VersionedArray<int> array(garbage);
  array.Resize(3000);
  array.Mutable(5) = 1;
  const auto first_link = garbage.Publish();
  const auto first = array.Publish();

  array.Mutable(5) = 2;
  array.Resize(5000);
  const auto second_link = garbage.Publish();
  const auto second = array.Publish();

  EXPECT_EQ(first.at(5), 1);
  EXPECT_EQ(first.size(), 3000u);
  EXPECT_EQ(second.at(5), 2);
  EXPECT_EQ(second.at(4999), 0);
}

TEST(GarbageTest, LivesUntilEveryVersionThatSawItIsGone) {
  auto garbage = std::make_unique<Garbage>();
  auto oldest = garbage->Publish();
  auto middle = garbage->Publish();
  // Visible in `middle` and, as far as we know, in `oldest`.
  garbage->Retire(new Counted, FreeCounted);
  auto newest = garbage->Publish();

  middle.reset();
  EXPECT_EQ(Counted::alive, 1);
  oldest.reset();
  EXPECT_EQ(Counted::alive, 0);
  newest.reset();
}

TEST(GarbageTest, OutlivesTheWriter) {
  auto garbage = std::make_unique<Garbage>();
  auto version = garbage->Publish();
  garbage->Retire(new Counted, FreeCounted);

  garbage.reset();
  EXPECT_EQ(Counted::alive, 1);
  version.reset();
  EXPECT_EQ(Counted::alive, 0);
}

TEST(GarbageTest, LongChainsUnwindWithoutRecursion) {
  Garbage garbage;
  auto oldest = garbage.Publish();
  for (int i = 0; i < 1'000'000; ++i) garbage.Publish();

  oldest.reset();
}

}  // namespace
}  // namespace mitra::matching
