#include "tests/quality/tie_trials.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mitra::quality {

using matching::GraphView;
using matching::Judged;
using matching::TieSignals;

SignalReader::SignalReader(GraphView graph) : graph_(std::move(graph)) {}

void SignalReader::Begin(uint32_t subject) {
  if (subject == subject_) return;
  subject_ = subject;
  walk_ = matching::ForwardPush(graph_, subject, {}, workspace_);
  reader_ = std::make_unique<matching::TieReader>(graph_, subject, &walk_);
}

TieSignals SignalReader::Of(uint32_t subject, uint32_t target) {
  Begin(subject);
  return reader_->Of(target);
}

const matching::TrustVector& SignalReader::WalkOf(uint32_t subject) {
  Begin(subject);
  return walk_;
}

NewTies::NewTies(absl::Span<const Vote> known, absl::Span<const Vote> later,
                 uint32_t members, uint32_t seed)
    : votes_of_(members), random_(seed) {
  std::vector<bool> seen(members, false);
  for (const Vote& vote : known) {
    votes_of_[vote.from].push_back(vote.to);
    voted_for_.push_back(vote.to);
    seen[vote.from] = seen[vote.to] = true;
  }
  for (auto& list : votes_of_) std::sort(list.begin(), list.end());
  for (uint32_t m = 0; m < members; ++m) {
    if (seen[m]) known_.push_back(m);
  }
  for (const Vote& vote : later) {
    if (votes_of_[vote.from].empty() || !seen[vote.to]) continue;
    by_subject_[vote.from].push_back(vote.to);
  }
  for (auto& [subject, targets] : by_subject_) {
    std::sort(targets.begin(), targets.end());
  }
}

bool NewTies::Knows(uint32_t subject, uint32_t target) const {
  const auto& list = votes_of_[subject];
  return subject == target ||
         std::binary_search(list.begin(), list.end(), target);
}

bool NewTies::ComesToTrust(uint32_t subject, uint32_t target) const {
  const auto& list = by_subject_.at(subject);
  return std::binary_search(list.begin(), list.end(), target);
}

uint32_t NewTies::Other(uint32_t subject, const std::vector<uint32_t>& pool) {
  constexpr int kTries = 1000;  // some subjects know nearly everybody
  uint32_t other = subject;
  for (int i = 0; i < kTries; ++i) {
    other = pool[random_.Below(pool.size())];
    if (!Knows(subject, other) && !ComesToTrust(subject, other)) break;
  }
  return other;
}

uint32_t NewTies::RandomOther(uint32_t subject) {
  return Other(subject, known_);
}

uint32_t NewTies::MatchedOther(uint32_t subject) {
  return Other(subject, voted_for_);
}

void AddTieExamples(SignalReader& reader, NewTies& ties,
                    matching::Examples& examples) {
  for (const auto& [subject, targets] : ties.by_subject()) {
    for (const uint32_t target : targets) {
      examples.Add(reader.Of(subject, target), 1);
      for (int i = 0; i < 2; ++i) {
        examples.Add(reader.Of(subject, ties.RandomOther(subject)), 0, .5);
        examples.Add(reader.Of(subject, ties.MatchedOther(subject)), 0, .05);
      }
    }
  }
}

matching::TieModel ToTieModel(const matching::LogisticModel& model) {
  matching::TieModel out;
  out.bias = static_cast<float>(model.bias);
  for (size_t i = 0; i < out.weight.size(); ++i) {
    out.weight[i] = static_cast<float>(model.weight[i]);
  }
  return out;
}

matching::TieModel ToTieModel(const matching::LogisticModel& model,
                              const matching::BoostedTrees& trees,
                              double share) {
  matching::TieModel out = ToTieModel(model);
  const auto part = static_cast<float>(share);
  out.bias = (1 - part) * out.bias + part * static_cast<float>(trees.bias);
  for (float& weight : out.weight) weight *= 1 - part;
  for (const matching::SmallTree& tree : trees.trees) {
    matching::TieTree& one = out.trees.emplace_back();
    for (size_t i = 0; i < 3; ++i) {
      one.signal[i] = static_cast<uint8_t>(tree.feature[i]);
      one.split[i] = tree.split[i];
    }
    for (size_t i = 0; i < 4; ++i) {
      one.value[i] = part * static_cast<float>(tree.value[i]);
    }
  }
  return out;
}

namespace {

double Gain(size_t place) {
  return place < 10 ? 1 / std::log2(static_cast<double>(place) + 2) : 0;
}

// Places of one subject's new ties in its whole list.
void RankList(const NewTies& ties, uint32_t subject,
              std::vector<std::pair<double, uint32_t>>& list,
              LinkFigures& figures) {
  // The first ten places, and those of each tie among strangers, are all that
  // counts.
  std::sort(list.begin(), list.end());
  const size_t count = ties.by_subject().at(subject).size();
  double gain = 0, best = 0, single = 0;
  size_t strangers = 0;
  for (size_t i = 0; i < list.size() && strangers < 10; ++i) {
    if (!ties.ComesToTrust(subject, list[i].second)) {
      ++strangers;
      continue;
    }
    gain += Gain(i);
    single += Gain(strangers);
  }
  for (size_t i = 0; i < count; ++i) best += Gain(i);
  figures.ndcg10 += gain / best;
  figures.ndcg10_edges += single;
  figures.listed += count;
  ++figures.subjects;
}

}  // namespace

std::vector<LinkFigures> MeasureLinks(SignalReader& reader, NewTies& ties,
                                      size_t max_subjects,
                                      const std::vector<Score>& scores) {
  std::vector<LinkFigures> figures(scores.size());
  std::vector<std::vector<Judged>> any(scores.size()), matched(scores.size());
  const auto judge = [&](std::vector<std::vector<Judged>>& where,
                         const TieSignals& signals, double outcome) {
    for (size_t s = 0; s < scores.size(); ++s) {
      where[s].push_back({scores[s](signals), outcome});
    }
  };
  // Every so-manieth subject has its whole list ranked.
  const size_t stride = std::max<size_t>(
      1, (ties.by_subject().size() + max_subjects - 1) / max_subjects);
  size_t at = 0;
  std::vector<std::vector<std::pair<double, uint32_t>>> lists(scores.size());
  for (const auto& [subject, targets] : ties.by_subject()) {
    for (const uint32_t target : targets) {
      const TieSignals own = reader.Of(subject, target);
      judge(any, own, 1);
      judge(matched, own, 1);
      judge(any, reader.Of(subject, ties.RandomOther(subject)), 0);
      judge(matched, reader.Of(subject, ties.MatchedOther(subject)), 0);
    }
    if (at++ % stride != 0) continue;
    for (auto& list : lists) list.clear();
    for (const uint32_t other : ties.known_members()) {
      if (ties.Knows(subject, other)) continue;
      const TieSignals signals = reader.Of(subject, other);
      for (size_t s = 0; s < scores.size(); ++s) {
        lists[s].emplace_back(-scores[s](signals), other);
      }
    }
    for (size_t s = 0; s < scores.size(); ++s) {
      RankList(ties, subject, lists[s], figures[s]);
    }
  }
  for (size_t s = 0; s < scores.size(); ++s) {
    LinkFigures& f = figures[s];
    f.ties = any[s].size() / 2;
    f.auc = matching::AreaUnderRoc(std::move(any[s]));
    f.auc_matched = matching::AreaUnderRoc(std::move(matched[s]));
    f.ndcg10 /= static_cast<double>(std::max<size_t>(1, f.subjects));
    f.ndcg10_edges /= static_cast<double>(std::max<size_t>(1, f.listed));
  }
  return figures;
}

}  // namespace mitra::quality
