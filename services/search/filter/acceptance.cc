#include "services/search/filter/acceptance.h"

#include <algorithm>

#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "mitra/v1/profile.pb.h"

namespace mitra::search {
namespace {

using Rows = std::shared_ptr<const Roaring>;

Figure RuleOf(Rule rule, uint16_t value) {
  return {Figure::kRule, static_cast<uint8_t>(rule), value, 0};
}

// The keys of all values of the subject that a rule of this kind can take.
std::vector<AttributeKey> TakenKeys(Rule rule, const SubjectRules& subject) {
  const RowAttributes& facts = subject.facts;
  std::vector<AttributeKey> keys;
  const auto add = [&](uint16_t value) {
    keys.push_back(RuleKey(rule, value));
  };
  switch (rule) {
    case Rule::kRole:
      for (uint32_t rest = subject.roles; rest != 0; rest &= rest - 1) {
        add(static_cast<uint16_t>(__builtin_ctz(rest)));
      }
      break;
    case Rule::kScale:
      if (facts.scale != 0) add(facts.scale);
      break;
    case Rule::kRegion:
      ForEachRegionAbove(facts.region, add);
      break;
    case Rule::kSector:
      for (const uint16_t sector : facts.sectors) {
        ForEachSectorAbove(sector, add);
      }
      break;
    case Rule::kNorm:
      break;  // must be kept, all of them
  }
  return keys;
}

// The rows that a rule of this kind and value wants.
AttributeKey WantedKey(Rule rule, uint16_t value) {
  switch (rule) {
    case Rule::kScale:
      return ScaleKey(value);
    case Rule::kRegion:
      return RegionKey(value);
    case Rule::kSector:
      return SectorKey(value);
    case Rule::kNorm:
      return NormKey(value);
    case Rule::kRole:
      break;
  }
  return 0;
}

// Rows that one facet's rules take; null for all.
Rows TakenByOne(const PostingIndex::View& postings,
                const std::vector<Figure>& figures, int role) {
  std::shared_ptr<Roaring> taken;
  const auto keep = [&](Roaring rows) {
    if (taken == nullptr) {
      taken = std::make_shared<Roaring>(std::move(rows));
    } else {
      *taken &= rows;
    }
  };
  for (const Rule rule : kRules) {
    bool stated = false;
    bool role_taken = false;
    Roaring any;
    for (const Figure& figure : figures) {
      if (figure.kind != Figure::kRule ||
          static_cast<Rule>(figure.resource) != rule) {
        continue;
      }
      stated = true;
      role_taken = role_taken || figure.measure == role;
      if (rule == Rule::kRole) continue;
      const Rows rows = postings.Find(WantedKey(rule, figure.measure));
      if (rule == Rule::kNorm) {
        keep(rows != nullptr ? *rows : Roaring());
      } else if (rows != nullptr) {
        any |= *rows;
      }
    }
    if (!stated || rule == Rule::kNorm) continue;
    if (rule != Rule::kRole) {
      keep(std::move(any));
    } else if (!role_taken) {
      keep(Roaring());
    }
  }
  return taken;
}

}  // namespace

void AppendRules(const v1::AcceptanceRules& rules,
                 std::vector<Figure>& figures) {
  const auto add = [&](Rule rule, int value) {
    figures.push_back(RuleOf(rule, static_cast<uint16_t>(value)));
  };
  for (const int role : rules.roles()) add(Rule::kRole, role);
  for (const int scale : rules.scales()) add(Rule::kScale, scale);
  for (const std::string& code : rules.region_codes()) {
    add(Rule::kRegion,
        taxonomy::RegionIndex(taxonomy::CurrentRegion(code).value_or("")));
  }
  for (const std::string& code : rules.sector_codes()) {
    add(Rule::kSector, taxonomy::SectorIndex(code));
  }
  for (const int norm : rules.norms()) add(Rule::kNorm, norm);
}

Rows RefusedBy(const PostingIndex::View& postings,
               const SubjectRules& subject) {
  if (postings.Find(AnyRuleKey()) == nullptr) return nullptr;
  auto refused = std::make_shared<Roaring>();
  for (const Rule rule : kRules) {
    if (rule == Rule::kNorm) continue;
    const Rows having = postings.Find(HasRuleKey(rule));
    if (having == nullptr) continue;
    Roaring refusing = *having;
    for (const AttributeKey key : TakenKeys(rule, subject)) {
      if (const Rows rows = postings.Find(key)) refusing -= *rows;
    }
    *refused |= refusing;
  }
  for (uint16_t norm = 1; norm < 16; ++norm) {
    if ((subject.facts.norms >> norm & 1) != 0) continue;
    if (const Rows rows = postings.Find(RuleKey(Rule::kNorm, norm))) {
      *refused |= *rows;
    }
  }
  return refused->isEmpty() ? nullptr : refused;
}

Rows TakenBy(const PostingIndex::View& postings, const SubjectRules& subject,
             int role) {
  std::shared_ptr<Roaring> taken;
  for (const std::vector<Figure>& facet : subject.accepts) {
    const Rows rows = TakenByOne(postings, facet, role);
    if (rows == nullptr) return nullptr;
    if (taken == nullptr) taken = std::make_shared<Roaring>();
    *taken |= *rows;
  }
  return taken;
}

}  // namespace mitra::search
