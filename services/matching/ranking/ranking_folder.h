// A folder that keeps ranking profiles and who is served by which, so that a
// process serves after a start as it did before it. Several processes may share
// one folder; each takes over what another one wrote.
//
//   <id>.toml    a profile (profile_file.h)
//   arms.toml    [[arm]]
//                profile = "learned-1"
//                share = 0.1

#ifndef MITRA_SERVICES_MATCHING_RANKING_RANKING_FOLDER_H_
#define MITRA_SERVICES_MATCHING_RANKING_RANKING_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/matching/ranking/ranking_board.h"

namespace mitra::matching {

// INVALID_ARGUMENT, naming the field or the line.
absl::StatusOr<std::vector<RankingArm>> ParseRankingArms(
    absl::string_view toml);
std::string RankingArmsToml(const std::vector<RankingArm>& arms);

// For one thread at a time.
class RankingFolder {
 public:
  // The folder need not exist; an empty path keeps nothing.
  explicit RankingFolder(std::string path) : path_(std::move(path)) {}

  // Applies what stands in the folder to `board` if it changed since the last
  // time; true if it was applied. A folder without arms changes nothing.
  // Errors name the file; the board stays as it is and the same text is not
  // tried again.
  absl::StatusOr<bool> Load(RankingBoard& board);

  // Writes what a board serves by; readers see the old or the new arms.
  absl::Status Save(const RankingPlan& plan);

 private:
  const std::string path_;
  std::string arms_;  // the text of arms.toml that was applied or refused
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RANKING_FOLDER_H_
