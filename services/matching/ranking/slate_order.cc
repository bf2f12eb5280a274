// The order of a slate: sorting by key and reranking (recommender.h).

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "services/matching/ranking/recommender.h"
#include "services/matching/ranking/rerank.h"

namespace mitra::matching {

MemberIndex MainGroup(const MatchingView& view, MemberIndex member) {
  const Neighbours neighbours = view.graph.of(member);
  MemberIndex group = kNoMember;
  uint32_t smallest = 0;
  for (uint32_t i = 0; i < neighbours.size; ++i) {
    if ((neighbours.facts[i].out_kind & TieFacts::kGroupFlag) == 0) continue;
    const uint32_t size =
        view.graph.of(neighbours.edges[i].to).node->group_size;
    if (group == kNoMember || size < smallest) {
      group = neighbours.edges[i].to;
      smallest = size;
    }
  }
  return group;
}

uint64_t RerankSeed(const Member& member) {
  uint64_t hash = 0xcbf29ce484222325u ^ member.incarnation;
  for (const char c : member.id.view()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return hash ^ static_cast<uint64_t>(member.create_time);
}

namespace {

// What the order goes by: the keys, less what the subject is tired of.
std::vector<float> OrderKeys(const RankingProfile& profile,
                             const std::vector<Ranked>& items,
                             const std::vector<ImpressionBook::Shown>& shown,
                             RankTrace* trace) {
  std::vector<float> keys(items.size());
  for (size_t i = 0; i < items.size(); ++i) keys[i] = items[i].score.key;
  if (shown.empty() || profile.fatigue == 0) return keys;
  absl::flat_hash_map<MemberLife, double> tired;
  for (const auto& one : shown) {
    tired[one.candidate] = FatigueOf(one.times, profile.fatigue);
  }
  uint32_t lowered = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto at =
        tired.find(MemberLife{items[i].member, items[i].incarnation});
    if (at == tired.end() || at->second == 0) continue;
    keys[i] -= static_cast<float>(at->second);
    ++lowered;
  }
  if (trace != nullptr) trace->Add("tired", lowered);
  return keys;
}

}  // namespace

void OrderRanked(const MatchingView& view, const Subject& subject,
                 const OrderRules& rules, std::vector<Ranked>& items) {
  const RankingProfile& profile = *rules.profile;
  RankTrace* const trace = rules.trace;
  const std::vector<float> keys = OrderKeys(profile, items, rules.shown, trace);
  std::vector<uint32_t> by_key(items.size());
  for (uint32_t i = 0; i < by_key.size(); ++i) by_key[i] = i;
  std::sort(by_key.begin(), by_key.end(), [&](uint32_t a, uint32_t b) {
    if (keys[a] != keys[b]) return keys[a] > keys[b];
    return view.members.at(items[a].member).id.view() <
           view.members.at(items[b].member).id.view();
  });
  const size_t depth = std::min<size_t>(100, items.size());
  const bool local = profile.local_shares != RankingProfile().local_shares;
  std::vector<RerankItem> rerank(items.size());
  for (uint32_t i = 0; i < by_key.size(); ++i) {
    const Ranked& item = items[by_key[i]];
    rerank[i].rank = i;
    rerank[i].newcomer = item.newcomer;
    if (i < depth && (profile.group_cap > 0 || profile.bridging_share > 0)) {
      rerank[i].group = MainGroup(view, item.member);
      rerank[i].bridge = item.stranger && rerank[i].group != kNoMember;
    }
    if (i < depth && local) {
      rerank[i].nearness = taxonomy::RegionDistance(
          subject.member->region, view.members.at(item.member).region);
    }
  }
  const RerankResult result =
      Rerank(rerank, RulesOf(profile, RerankSeed(*subject.member), rules.kind,
                             rules.now, depth));
  for (const uint32_t rank : result.introduced) {
    items[by_key[rank]].sources |= kFromNewcomers;
  }
  if (trace != nullptr) {
    trace->Add("newcomers_put_up",
               static_cast<double>(result.introduced.size()));
    trace->Add("bridges_put_up", static_cast<double>(result.bridged.size()));
    trace->Add("capped", result.capped);
    trace->Add("drawn", result.drawn);
  }
  std::vector<Ranked> ordered;
  ordered.reserve(items.size());
  for (const uint32_t rank : result.order) {
    ordered.push_back(items[by_key[rank]]);
    if (ordered.size() <= result.drawn) ordered.back().sources |= kFromRandom;
  }
  items = std::move(ordered);
}

}  // namespace mitra::matching
