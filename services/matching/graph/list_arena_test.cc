#include "services/matching/graph/list_arena.h"

#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "common/base/random.h"
#include "gtest/gtest.h"
#include "services/matching/graph/graph_view.h"

namespace mitra::matching {
namespace {

TEST(ListArenaTest, ListsDoNotOverlapWhateverTheirSizesAndOrder) {
  struct Block {
    char* data;
    size_t size;
    char content;
  };
  ListArena arena;
  Random random(3);
  std::vector<Block> blocks;
  for (int i = 0; i < 20'000; ++i) {
    if (!blocks.empty() && random.Chance(.45)) {
      const size_t at = random.Below(blocks.size());
      const Block block = blocks[at];
      for (size_t k = 0; k < block.size; ++k) {
        ASSERT_EQ(block.data[k], block.content);
      }
      ListArena::Free(block.data);
      blocks[at] = blocks.back();
      blocks.pop_back();
      continue;
    }
    const size_t size = random.Chance(.001) ? 3u << 20 : 1 + random.Below(2000);
    Block block{arena.Allocate(size), size,
                static_cast<char>(random.Below(100))};
    std::memset(block.data, block.content, size);
    blocks.push_back(block);
  }
  for (const Block& block : blocks) ListArena::Free(block.data);
}

TEST(ListArenaTest, EdgesBeginWithACacheLine) {
  ListArena arena;
  for (const size_t size : {1u, 56u, 200u, 5000u, 3u << 20}) {
    char* const list = arena.Allocate(size);
    EXPECT_EQ((reinterpret_cast<uintptr_t>(list) + sizeof(NodeFacts)) % 64, 0u)
        << size;
    ListArena::Free(list);
  }
}

TEST(ListArenaTest, WhatIsFreedIsUsedAgain) {
  ListArena arena;
  for (int round = 0; round < 100; ++round) {
    std::vector<char*> lists;
    for (int i = 0; i < 1000; ++i) lists.push_back(arena.Allocate(300));
    for (char* list : lists) ListArena::Free(list);
  }
  EXPECT_LE(arena.bytes(), 2u << 20);
}

TEST(ListArenaTest, ReadersMayFreeOnTheirThreads) {
  ListArena arena;
  std::vector<char*> lists;
  for (int i = 0; i < 4000; ++i) lists.push_back(arena.Allocate(100));
  std::vector<std::thread> readers;
  for (size_t t = 0; t < 4; ++t) {
    readers.emplace_back([&, t] {
      for (size_t i = t; i < lists.size(); i += 4) ListArena::Free(lists[i]);
    });
  }
  for (int i = 0; i < 1000; ++i) ListArena::Free(arena.Allocate(100));
  for (std::thread& reader : readers) reader.join();
  std::set<char*> again;
  for (int i = 0; i < 4000; ++i) {
    EXPECT_TRUE(again.insert(arena.Allocate(100)).second);
  }
}

}  // namespace
}  // namespace mitra::matching
