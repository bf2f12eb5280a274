// R1. Columbia's speed dating: who says yes to whom, on both sides. A query is
// one person at one event; all other dates of the event are known, the one in
// question is not. The product's learner fits both decisions on the other
// events (leave one out), and its joint utility scores the event.
//
// Of each side the product's features stand for:
//   the other's yeses by others            reputation | subject_reputation
//   how others liked the other             trust | cohesion
//   how attractive others found the other  need_covered | offer_wanted
//   what people of one's taste said        give_similarity | take_similarity
//   one's own share of yeses               ahead | responsiveness
//   interests alike, age near, same race   shared_norms, region_proximity,
//                                          same_group (both sides)

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/cli/input/csv.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/learning/ranking_learner.h"
#include "services/matching/ranking/joint_utility.h"
#include "tests/quality/measures.h"
#include "tests/quality/suites.h"
#include "tests/support/shared_data.h"

namespace mitra::quality {
namespace {

using matching::Answer;
using matching::AnsweredPair;
using matching::Feature;
using matching::FeatureBit;
using matching::FeatureSet;
using matching::FeatureVector;
using matching::Judged;

constexpr auto kKind = v1::RECOMMENDATION_KIND_PEER;
constexpr float kUnknown = NAN;

// One person's view of one date.
struct Date {
  uint32_t person, other;
  bool yes, yes_back;
  float like, attractive;  // 0 to 1, or unknown
  float interests;         // correlation of interests, or unknown
  float age_gap;           // years, or unknown
  bool same_race;
};

struct Event {
  std::vector<Date> dates;
  // By person and other; nullptr if they did not meet.
  std::vector<std::vector<const Date*>> met;

  void Index(size_t people) {
    met.assign(people, std::vector<const Date*>(people, nullptr));
    for (const Date& date : dates) met[date.person][date.other] = &date;
  }
};

float Number(const std::string& cell) {
  float value;
  return absl::SimpleAtof(cell, &value) ? value : kUnknown;
}

absl::StatusOr<std::vector<Event>> ReadEvents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  cli::LineReader lines(in);
  cli::CsvReader csv(lines);
  std::map<std::string, size_t> column;
  std::map<std::string, Event> events;
  std::map<std::string, std::map<std::string, uint32_t>> people;
  while (true) {
    const absl::StatusOr<bool> more = csv.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    const std::vector<std::string>& cells = csv.cells();
    if (column.empty()) {
      for (size_t c = 0; c < cells.size(); ++c) column[cells[c]] = c;
      continue;
    }
    const auto cell = [&](const char* name) { return cells[column[name]]; };
    if (cells.size() != column.size() || cell("pid").empty()) continue;
    auto& ids = people[cell("wave")];
    const auto id = [&](const std::string& name) {
      return ids.try_emplace(name, ids.size()).first->second;
    };
    Date date;
    date.person = id(cell("iid"));
    date.other = id(cell("pid"));
    date.yes = cell("dec") == "1";
    date.yes_back = cell("dec_o") == "1";
    date.like = Number(cell("like")) / 10;
    date.attractive = Number(cell("attr")) / 10;
    date.interests = Number(cell("int_corr"));
    date.age_gap = std::abs(Number(cell("age")) - Number(cell("age_o")));
    date.same_race = cell("samerace") == "1";
    events[cell("wave")].dates.push_back(date);
  }
  std::vector<Event> list;
  for (auto& [wave, event] : events) {
    list.push_back(std::move(event));
    list.back().Index(people[wave].size());
  }
  return list;
}

// A mean, shrunk.
struct Average {
  double sum = 0, count = 0;
  void Add(double value, double weight = 1) {
    if (std::isnan(value)) return;
    sum += weight * value;
    count += weight;
  }
  double Of(double mean, double prior) const {
    return (sum + prior * mean) / (count + prior);
  }
};

// One direction of a date, from the other dates of the event.
struct Outlook {
  double own_yeses = 0;   // of the person
  double popularity = 0;  // of the other
  double liked = 0, attractive = 0;
  double taste = 0;
};

class EventReader {
 public:
  explicit EventReader(const Event& event) : event_(event) {}

  FeatureVector Of(const Date& date) const {
    const Outlook there = Look(date.person, date.other);
    const Outlook back = Look(date.other, date.person);
    FeatureVector features;
    const auto set = [&](Feature feature, double value) {
      features.Set(feature, static_cast<float>(value));
    };
    set(Feature::kReputation, there.popularity);
    set(Feature::kTrust, there.liked);
    set(Feature::kNeedCovered, there.attractive);
    set(Feature::kGiveSimilarity, there.taste);
    set(Feature::kAhead, there.own_yeses);
    set(Feature::kSubjectReputation, back.popularity);
    set(Feature::kCohesion, back.liked);
    set(Feature::kOfferWanted, back.attractive);
    set(Feature::kTakeSimilarity, back.taste);
    set(Feature::kResponsiveness, back.own_yeses);
    features.Set(Feature::kSharedNorms, date.interests);
    features.Set(Feature::kRegionProximity, 1 / (1 + date.age_gap / 5));
    features.Set(Feature::kSameGroup, date.same_race);
    return features;
  }

 private:
  // What `person` may think of `other`, without their own date.
  Outlook Look(uint32_t person, uint32_t other) const {
    Outlook outlook;
    Average own;
    for (const Date* date : event_.met[person]) {
      if (date != nullptr && date->other != other) own.Add(date->yes);
    }
    outlook.own_yeses = own.Of(kUsualYes, 2);
    // What others said, against what they usually say.
    Average popularity, liked, attractive, taste;
    for (uint32_t rater = 0; rater < event_.met.size(); ++rater) {
      const Date* said = event_.met[rater][other];
      if (said == nullptr || rater == person) continue;
      const Usual usual = UsualOf(rater, other);
      popularity.Add(said->yes - usual.yes);
      liked.Add(double{said->like} - usual.like);
      attractive.Add(double{said->attractive} - usual.attractive);
      taste.Add(said->yes - usual.yes, Alike(person, rater, other));
    }
    outlook.popularity = .4 + popularity.Of(0, 2);
    outlook.liked = .1 + liked.Of(0, 2);
    outlook.attractive = .3 + attractive.Of(0, 2);
    outlook.taste = taste.Of(0, .5);
    return outlook;
  }

  struct Usual {
    double yes, like, attractive;
  };
  // The rater's own habit, without `other`.
  Usual UsualOf(uint32_t rater, uint32_t other) const {
    Average yes, like, attractive;
    for (const Date* date : event_.met[rater]) {
      if (date == nullptr || date->other == other) continue;
      yes.Add(date->yes);
      like.Add(double{date->like});
      attractive.Add(double{date->attractive});
    }
    return {yes.Of(kUsualYes, 2), like.Of(kUsualRating, 2),
            attractive.Of(kUsualRating, 2)};
  }

  // How far two raters agree about whom both met, but for `other`; 0 to 1.
  double Alike(uint32_t a, uint32_t b, uint32_t other) const {
    double both = 0, either = 0;
    for (uint32_t met = 0; met < event_.met.size(); ++met) {
      if (met == other) continue;
      const Date* const one = event_.met[a][met];
      const Date* const two = event_.met[b][met];
      if (one == nullptr || two == nullptr) continue;
      both += one->yes && two->yes;
      either += one->yes || two->yes;
    }
    return (both + .3) / (either + 1);
  }

  // What averages are shrunk to; fixed, so that no date tells itself.
  static constexpr double kUsualYes = .4, kUsualRating = .6;

  const Event& event_;
};

constexpr FeatureSet kBoth = FeatureBit(Feature::kSharedNorms) |
                             FeatureBit(Feature::kRegionProximity) |
                             FeatureBit(Feature::kSameGroup);
constexpr FeatureSet kWants =
    FeatureBit(Feature::kReputation) | FeatureBit(Feature::kTrust) |
    FeatureBit(Feature::kNeedCovered) | FeatureBit(Feature::kGiveSimilarity) |
    FeatureBit(Feature::kAhead) | kBoth;
constexpr FeatureSet kAccepts =
    FeatureBit(Feature::kSubjectReputation) | FeatureBit(Feature::kCohesion) |
    FeatureBit(Feature::kOfferWanted) | FeatureBit(Feature::kTakeSimilarity) |
    FeatureBit(Feature::kResponsiveness) | kBoth;

// Scores of one date by several readings.
struct Scored {
  size_t query;
  bool match;
  double wants, product, mean;
};

struct Figures {
  double auc, ndcg;
};

Figures Measure(const std::vector<Scored>& dates, double Scored::*score) {
  std::vector<Judged> all;
  std::map<size_t, std::vector<Judged>> queries;
  for (const Scored& date : dates) {
    all.push_back({date.*score, date.match ? 1. : 0.});
    queries[date.query].push_back(all.back());
  }
  std::vector<double> ndcg;
  for (const auto& [query, list] : queries) {
    const bool any = std::any_of(list.begin(), list.end(),
                                 [](const Judged& d) { return d.outcome > 0; });
    if (any) ndcg.push_back(matching::NdcgAt(list, 5));
  }
  return {matching::AreaUnderRoc(all), Mean(ndcg)};
}

Answer AnswerOf(const Date& date) {
  if (date.yes) return date.yes_back ? Answer::kMatch : Answer::kDeclined;
  return date.yes_back ? Answer::kUnrequited : Answer::kNeither;
}

}  // namespace

void RunDating(const SuiteOptions& /*options*/, Report& report) {
  report.Section(
      "R1 speed dating, other dates of the event known, learned on other "
      "events "
      "(bars: one-sided .645, arithmetic mean .724, product .760)");
  const auto path = testing::SharedData("speeddating/Speed Dating Data.csv");
  if (!path.has_value()) {
    report.Skip("r1_auc", "shared data is absent");
    return;
  }
  const auto events = ReadEvents(*path);
  if (!events.ok()) {
    report.Skip("r1_auc", events.status().message());
    return;
  }
  std::vector<std::vector<AnsweredPair>> pairs;
  for (const Event& event : *events) {
    const EventReader reader(event);
    pairs.emplace_back();
    for (const Date& date : event.dates) {
      pairs.back().push_back({reader.Of(date), AnswerOf(date)});
    }
  }
  std::vector<Scored> scored;
  matching::RankingProfile profile = matching::RankingProfile::Default();
  for (size_t held_out = 0; held_out < pairs.size(); ++held_out) {
    std::vector<AnsweredPair> train;
    for (size_t e = 0; e < pairs.size(); ++e) {
      if (e == held_out) continue;
      train.insert(train.end(), pairs[e].begin(), pairs[e].end());
    }
    matching::LearnOptions options;
    options.wants = kWants;
    options.accepts = kAccepts;
    const auto learned = matching::LearnKind(train, options);
    if (!learned.ok()) {
      report.Skip("r1_auc", learned.status().message());
      return;
    }
    profile.kinds[kKind] = *learned;
    const matching::JointUtility utility(profile, *matching::FindKind(kKind));
    for (size_t d = 0; d < pairs[held_out].size(); ++d) {
      const AnsweredPair& pair = pairs[held_out][d];
      const matching::PairScore score = utility.Score(pair.features);
      scored.push_back({held_out * 1000 + (*events)[held_out].dates[d].person,
                        pair.answer == Answer::kMatch, double{score.wants},
                        double{score.match},
                        double{score.wants + score.accepts}});
    }
  }
  const Figures product = Measure(scored, &Scored::product);
  const Figures wants = Measure(scored, &Scored::wants);
  const Figures mean = Measure(scored, &Scored::mean);
  const auto ndcg = [](const Figures& f) {
    return absl::StrFormat("NDCG@5 %.3f", f.ndcg);
  };
  report.Note("one-sided", wants.auc, ndcg(wants));
  report.Note("arithmetic mean", mean.auc, ndcg(mean));
  report.Metric("r1_auc", product.auc, {.77},
                absl::StrCat("product .760; ours ", ndcg(product)));
  std::vector<Judged> forecasts;
  for (const Scored& date : scored) {
    forecasts.push_back({date.product, date.match ? 1. : 0.});
  }
  report.Note("calibration error", matching::CalibrationError(forecasts));
}

}  // namespace mitra::quality
