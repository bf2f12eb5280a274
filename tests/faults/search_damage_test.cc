// Whatever happens to the bytes of a snapshot of search: it is refused, the one
// before it is taken, and nobody is answered wrongly.

#include <xxhash.h>

#include <cstring>
#include <map>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/snapshot/format.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/search/snapshot/index_snapshot.h"
#include "services/search/testing/sample_index.h"
#include "tests/support/campaign.h"
#include "tests/support/temp_dir.h"

namespace mitra::search {
namespace {

using mitra::testing::CampaignCases;
using mitra::testing::CampaignSeed;
using mitra::testing::ReadFileOrEmpty;
using mitra::testing::TempDir;
using mitra::testing::WriteFileOrDie;

// The header with another version, rightly checksummed: magic, size, container
// version, format version, …
std::string WithVersion(std::string bytes, size_t at, uint32_t version) {
  constexpr size_t kBody = 8 + sizeof(uint32_t);
  uint32_t size = 0;
  std::memcpy(&size, bytes.data() + 8, sizeof(size));
  std::memcpy(bytes.data() + kBody + at, &version, sizeof(version));
  const uint64_t checksum = XXH3_64bits(bytes.data() + kBody, size);
  std::memcpy(bytes.data() + kBody + size, &checksum, sizeof(checksum));
  return bytes;
}

class Damager {
 public:
  Damager(std::string good, uint64_t seed)
      : good_(std::move(good)), random_(seed) {}

  // The n-th damage; `what` names it.
  std::string Damage(uint64_t n, std::string& what) {
    std::string bytes = good_;
    const auto below = [&](size_t end) { return random_() % end; };
    switch (n % 7) {
      case 0: {
        what = "bit flip";
        bytes[below(bytes.size())] ^= static_cast<char>(1 << below(8));
        return bytes;
      }
      case 1:
        what = "truncation";
        bytes.resize(below(bytes.size()));
        return bytes;
      case 2: {
        what = "zeroed tail";
        const size_t from = below(bytes.size());
        std::fill(bytes.begin() + static_cast<ptrdiff_t>(from), bytes.end(),
                  '\0');
        return bytes;
      }
      case 3: {
        // Most four bytes of a file are no length; those of the header, the
        // footer and the blocks are among them.
        what = "huge length";
        const uint32_t huge = 0xfffffff0U >> below(4);
        size_t at = below(bytes.size() - 4);
        if (below(3) == 0) at = below(200);
        if (below(3) == 0) at = bytes.size() - 4 - below(300);
        std::memcpy(bytes.data() + at, &huge, sizeof(huge));
        return bytes;
      }
      case 4: {
        what = "a piece from elsewhere in the file";
        const size_t size = 1 + below(4096);
        const size_t from = below(bytes.size() - size);
        const size_t to = below(bytes.size() - size);
        std::memmove(bytes.data() + to, good_.data() + from, size);
        return bytes;
      }
      case 5:
        what = "another version of the layout";
        return WithVersion(std::move(bytes), 4,
                           below(2) == 0 ? static_cast<uint32_t>(below(4))
                                         : 5 + static_cast<uint32_t>(below(9)));
      default:
        what = "another version of the container";
        return WithVersion(std::move(bytes), 0,
                           2 + static_cast<uint32_t>(below(1000)));
    }
  }
  const std::string& good() const { return good_; }

 private:
  const std::string good_;
  std::mt19937_64 random_;
};

TEST(SearchDamageTest, DamagedSnapshotsAreRefusedAndTheOneBeforeIsTaken) {
  TempDir folder;
  const std::string path = folder.File("index");
  IndexState older(SampleOptions());
  SampleIndex(8).Fill(older, 150);
  MITRA_ASSERT_OK(WriteIndexSnapshot(older, path));
  IndexState newer(SampleOptions());
  SampleIndex(8).Fill(newer, 180);
  MITRA_ASSERT_OK(WriteIndexSnapshot(newer, path));
  const std::string want = AnswersOf(older);
  ASSERT_NE(want, AnswersOf(newer));

  Damager damager(ReadFileOrEmpty(path), CampaignSeed());
  std::map<std::string, int> done;
  const uint64_t cases = CampaignCases(56);
  for (uint64_t n = 0; n < cases; ++n) {
    std::string what;
    const std::string bytes = damager.Damage(n, what);
    if (bytes == damager.good()) continue;  // a piece equal to what was there
    WriteFileOrDie(path, bytes);
    IndexState restored(SampleOptions());
    const feed::Position position = RestoreIndexSnapshot(restored, path);
    ASSERT_EQ(position.watermark, older.Read()->watermark)
        << "case " << n << ", " << what;
    ASSERT_EQ(AnswersOf(restored), want) << "case " << n << ", " << what;
    ++done[what];
  }
  EXPECT_EQ(done.size(), std::min<uint64_t>(cases, 7));
  for (const auto& [what, count] : done) {
    std::printf("damage: %d times %s\n", count, what.c_str());
  }

  // With no good one left the feed is read from its beginning.
  WriteFileOrDie(path, "rubbish");
  WriteFileOrDie(path + ".prev", damager.good().substr(0, 5000));
  IndexState empty(SampleOptions());
  EXPECT_EQ(RestoreIndexSnapshot(empty, path).watermark, 0U);
  EXPECT_FALSE(empty.usable());
}

}  // namespace
}  // namespace mitra::search
