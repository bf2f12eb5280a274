// R2. Matches of a university's mentoring platform: mentees, mentors, and
// whether the two matched. A fifth of the mentees' profiles is held out, with
// all their answers; the product's learner fits a ranking profile to the rest,
// and the product's joint utility scores the held out.
//
// The data has no names, so a profile stands for a member. What it calls
// things, and the feature that they are here:
//   help topics (needs, offers)         give_similarity, need_covered
//   expertise (line of business)        take_similarity, shared_norms
//   major (sector)                      sector_proximity
//   the mentor's earlier answers        same_group
//   the same, shrunk to what answers of mentors with its majors, topics and
//     expertise let expect, as log odds responsiveness
//   how many asked the mentor before    seats_free (load)
//   its answers to the mentee's topics  trust
//   its answers to the mentee's expertise
//                                       cohesion
//   answers of mentors alike            reputation
//   answers to mentees of the programme subject_reputation
//   answers to the mentee's topics and expertise, by all mentors
//                                       offer_wanted, supply_relation
//   is the list of topics or expertise filled in (completeness)
//                                       subject_verified, ahead (mentee),
//                                       candidate_verified, same_language
//                                       (mentor)
// Histories are of mentees in training only; of a mentee in training they are
// read without the tenth of mentees that it belongs to, as its own answer would
// tell itself. A list that is empty says nothing: what would be read from it is
// missing, and stands where the mean of the filled in lists does (Centre), so
// that without the completeness features nothing tells an empty list.

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/embedding/hashing_embedder.h"
#include "services/cli/input/csv.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/learning/ranking_learner.h"
#include "services/matching/ranking/joint_utility.h"
#include "tests/quality/measures.h"
#include "tests/quality/python_random.h"
#include "tests/quality/suites.h"

namespace mitra::quality {
namespace {

using matching::AnsweredPair;
using matching::Feature;
using matching::FeatureBit;
using matching::FeatureSet;
using matching::Judged;

constexpr auto kKind = v1::RECOMMENDATION_KIND_MENTOR;
constexpr size_t kFolds = 10;

using Tags = std::bitset<64>;

struct Person {
  std::vector<uint32_t> majors;  // sorted
  Tags topics, expertise;
  std::vector<float> topic_vector, expertise_vector;  // empty if none
};

struct Meeting {
  uint32_t mentee, mentor;
  bool match;
};

struct Platform {
  std::vector<Person> mentees, mentors;
  std::vector<Meeting> meetings;
};

// The strings of a Python list literal.
std::vector<std::string> ParseList(const std::string& text) {
  std::vector<std::string> items;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\'' && text[i] != '"') continue;
    const size_t end = text.find(text[i], i + 1);
    if (end == std::string::npos) break;
    items.push_back(text.substr(i + 1, end - i - 1));
    i = end;
  }
  return items;
}

class Numbers {
 public:
  uint32_t Of(const std::string& name) {
    return numbers_.try_emplace(name, numbers_.size()).first->second;
  }

 private:
  absl::flat_hash_map<std::string, uint32_t> numbers_;
};

class PlatformReader {
 public:
  PlatformReader() : embedder_(*embedding::HashingEmbedder::Create()) {}

  absl::StatusOr<Platform> Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    cli::LineReader lines(in);
    cli::CsvReader csv(lines);
    Platform platform;
    bool header = true;
    while (true) {
      const absl::StatusOr<bool> more = csv.Next();
      if (!more.ok()) return more.status();
      if (!*more) break;
      const std::vector<std::string>& cells = csv.cells();
      if (!header && cells.size() == 7) {
        platform.meetings.push_back({Add(cells, 0, mentees_, platform.mentees),
                                     Add(cells, 3, mentors_, platform.mentors),
                                     cells[6] == "1"});
      }
      header = false;
    }
    return platform;
  }

 private:
  uint32_t Add(const std::vector<std::string>& cells, size_t first,
               Numbers& ids, std::vector<Person>& people) {
    const uint32_t id = ids.Of(absl::StrCat(
        cells[first], "\n", cells[first + 1], "\n", cells[first + 2]));
    if (id < people.size()) return id;
    Person person;
    for (const std::string& major : ParseList(cells[first])) {
      person.majors.push_back(majors_.Of(major));
    }
    std::sort(person.majors.begin(), person.majors.end());
    person.topic_vector = Read(cells[first + 1], topics_, person.topics);
    person.expertise_vector =
        Read(cells[first + 2], expertise_, person.expertise);
    people.push_back(std::move(person));
    return id;
  }

  std::vector<float> Read(const std::string& cell, Numbers& numbers,
                          Tags& tags) const {
    const std::vector<std::string> names = ParseList(cell);
    if (names.empty()) return {};
    embedding::FacetText text;
    for (const std::string& name : names) {
      tags.set(numbers.Of(name) % tags.size());
      text.texts.push_back({name, 1});
    }
    std::vector<float> vector(embedder_->dimension());
    embedder_->EmbedFacet(text, absl::MakeSpan(vector));
    return vector;
  }

  std::unique_ptr<embedding::Embedder> embedder_;
  Numbers mentees_, mentors_, majors_;
  mutable Numbers topics_, expertise_;
};

float Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double Jaccard(const Tags& a, const Tags& b) {
  const size_t all = (a | b).count();
  return all == 0
             ? 0
             : static_cast<double>((a & b).count()) / static_cast<double>(all);
}

double Jaccard(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  size_t common = 0;
  for (const uint32_t x : a) {
    common += std::binary_search(b.begin(), b.end(), x);
  }
  const size_t all = a.size() + b.size() - common;
  return all == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all);
}

double Overlap(const Tags& a, const Tags& b) {
  const double sizes =
      static_cast<double>(a.count()) * static_cast<double>(b.count());
  return sizes > 0 ? static_cast<double>((a & b).count()) / std::sqrt(sizes)
                   : 0;
}

// Weighted answers, shrunk to what was expected.
struct Rate {
  double yes = 0, all = 0;
  void Add(bool match, double weight = 1) {
    yes += match ? weight : 0;
    all += weight;
  }
  double Of(double expected, double prior) const {
    return (yes + prior * expected) / (all + prior);
  }
};

double LogOdds(double p) { return std::log(p / (1 - p)); }
double Probability(double z) { return 1 / (1 + std::exp(-z)); }

// Answers by what they were about; each can be read without one fold.
class AnswersBy {
 public:
  void Add(uint64_t key, const Meeting& meeting, size_t fold) {
    auto& folds = answers_[key];
    folds.resize(kFolds + 1);
    for (size_t f = 0; f <= kFolds; ++f) {
      if (f != fold) folds[f].Add(meeting.match);
    }
  }
  Rate Of(uint64_t key, size_t without) const {
    const auto found = answers_.find(key);
    return found == answers_.end() ? Rate() : found->second[without];
  }

 private:
  absl::flat_hash_map<uint64_t, std::vector<Rate>> answers_;
};

std::vector<uint32_t> Members(const Tags& tags) {
  std::vector<uint32_t> members;
  for (uint32_t i = 0; i < tags.size(); ++i) {
    if (tags[i]) members.push_back(i);
  }
  return members;
}

// What is known from the mentees in training.
class History {
 public:
  History(const Platform& platform, const std::vector<bool>& held_out)
      : platform_(platform), fold_(platform.mentees.size(), kFolds) {
    PythonRandom random(99);
    for (size_t i = 0; i < fold_.size(); ++i) {
      if (!held_out[i]) {
        fold_[i] = static_cast<size_t>(random.Next() * kFolds);
      }
    }
    Rate all;
    for (const Meeting& meeting : platform.meetings) {
      if (held_out[meeting.mentee]) continue;
      all.Add(meeting.match);
      Remember(meeting, fold_[meeting.mentee]);
    }
    mean_ = all.Of(.5, 1);
    FindMentorsAlike();
  }

  matching::FeatureVector Of(const Meeting& meeting, bool completeness) const {
    const Person& mentee = platform_.mentees[meeting.mentee];
    const Person& mentor = platform_.mentors[meeting.mentor];
    matching::FeatureVector features;
    const auto set = [&](Feature feature, double value) {
      features.Set(feature, static_cast<float>(value));
    };
    if (mentee.topics.any() && mentor.topics.any()) {
      set(Feature::kGiveSimilarity,
          Cosine(mentee.topic_vector, mentor.topic_vector));
      set(Feature::kNeedCovered,
          static_cast<double>((mentee.topics & mentor.topics).count()) /
              static_cast<double>(mentee.topics.count()));
    }
    if (mentee.expertise.any() && mentor.expertise.any()) {
      set(Feature::kTakeSimilarity,
          Cosine(mentee.expertise_vector, mentor.expertise_vector));
      set(Feature::kSharedNorms, Jaccard(mentee.expertise, mentor.expertise));
    }
    set(Feature::kSectorProximity, Jaccard(mentee.majors, mentor.majors));
    ReadAnswers(meeting, features);
    if (completeness) {
      set(Feature::kSubjectVerified, mentee.topics.any());
      set(Feature::kAhead, mentee.expertise.any());
      set(Feature::kCandidateVerified, mentor.topics.any());
      set(Feature::kSameLanguage, mentor.expertise.any());
    }
    return features;
  }

 private:
  static uint64_t Both(uint32_t mentor, uint32_t tag) {
    return uint64_t{mentor} << 32 | tag;
  }

  void Remember(const Meeting& meeting, size_t fold) {
    const Person& mentee = platform_.mentees[meeting.mentee];
    const Person& mentor = platform_.mentors[meeting.mentor];
    by_mentor_.Add(meeting.mentor, meeting, fold);
    for (const uint32_t major : mentor.majors) {
      by_mentor_major_.Add(major, meeting, fold);
    }
    for (const uint32_t topic : Members(mentor.topics)) {
      by_mentor_topic_.Add(topic, meeting, fold);
    }
    for (const uint32_t tag : Members(mentor.expertise)) {
      by_mentor_expertise_.Add(tag, meeting, fold);
    }
    for (const uint32_t major : mentee.majors) {
      by_major_.Add(major, meeting, fold);
    }
    for (const uint32_t topic : Members(mentee.topics)) {
      by_topic_.Add(topic, meeting, fold);
      mentor_by_topic_.Add(Both(meeting.mentor, topic), meeting, fold);
    }
    for (const uint32_t tag : Members(mentee.expertise)) {
      by_expertise_.Add(tag, meeting, fold);
      mentor_by_expertise_.Add(Both(meeting.mentor, tag), meeting, fold);
    }
  }

  // How far the mean log odds of what somebody lists are from the mean; 0 for
  // an empty list.
  double Beyond(const AnswersBy& answers, const std::vector<uint32_t>& listed,
                size_t fold) const {
    constexpr double kPrior = 8;
    double sum = 0;
    for (const uint32_t one : listed) {
      sum += LogOdds(answers.Of(one, fold).Of(mean_, kPrior));
    }
    return listed.empty()
               ? 0
               : sum / static_cast<double>(listed.size()) - LogOdds(mean_);
  }

  // What answers of a mentor with such attributes are to be expected.
  double Expected(const Person& mentor, size_t fold) const {
    return Probability(
        LogOdds(mean_) + Beyond(by_mentor_major_, mentor.majors, fold) +
        Beyond(by_mentor_topic_, Members(mentor.topics), fold) +
        Beyond(by_mentor_expertise_, Members(mentor.expertise), fold));
  }

  // The mentor's answers to those who listed one of `tags`.
  Rate To(const AnswersBy& answers, uint32_t mentor, const Tags& tags,
          size_t fold) const {
    Rate rate;
    for (const uint32_t tag : Members(tags)) {
      const Rate one = answers.Of(Both(mentor, tag), fold);
      rate.yes += one.yes;
      rate.all += one.all;
    }
    return rate;
  }

  void ReadAnswers(const Meeting& meeting,
                   matching::FeatureVector& features) const {
    const Person& mentee = platform_.mentees[meeting.mentee];
    const size_t fold = fold_[meeting.mentee];
    const auto set = [&](Feature feature, double value) {
      features.Set(feature, static_cast<float>(value));
    };
    const Rate own = by_mentor_.Of(meeting.mentor, fold);
    const double expected =
        own.Of(Expected(platform_.mentors[meeting.mentor], fold), 3);
    set(Feature::kSameGroup, own.Of(mean_, 2));
    set(Feature::kResponsiveness, LogOdds(expected));
    set(Feature::kSeatsFree, -std::log1p(own.all));
    set(Feature::kTrust,
        To(mentor_by_topic_, meeting.mentor, mentee.topics, fold)
            .Of(expected, 4));
    set(Feature::kCohesion,
        To(mentor_by_expertise_, meeting.mentor, mentee.expertise, fold)
            .Of(expected, 4));
    Rate mentors;
    for (const auto& [mentor, weight] : alike_[meeting.mentor]) {
      const Rate rate = by_mentor_.Of(mentor, fold);
      mentors.yes += double{weight} * rate.yes;
      mentors.all += double{weight} * rate.all;
    }
    set(Feature::kReputation, mentors.Of(mean_, 1));
    Rate programme;
    for (const uint32_t major : mentee.majors) {
      const Rate one = by_major_.Of(major, fold);
      programme.yes += one.yes;
      programme.all += one.all;
    }
    set(Feature::kSubjectReputation, programme.Of(mean_, 8));
    if (mentee.topics.any()) {
      set(Feature::kOfferWanted,
          Beyond(by_topic_, Members(mentee.topics), fold));
    }
    if (mentee.expertise.any()) {
      set(Feature::kSupplyRelation,
          Beyond(by_expertise_, Members(mentee.expertise), fold));
    }
  }

  // For each mentor those that are like it, with weight, itself included.
  void FindMentorsAlike() {
    constexpr double kSharpness = 12, kLeast = .002;
    const std::vector<Person>& mentors = platform_.mentors;
    alike_.resize(mentors.size());
    for (uint32_t a = 0; a < mentors.size(); ++a) {
      alike_[a].emplace_back(a, 1.F);
      for (uint32_t b = 0; b < a; ++b) {
        const double near =
            .3 * Jaccard(mentors[a].majors, mentors[b].majors) +
            .35 * Overlap(mentors[a].topics, mentors[b].topics) +
            .35 * Overlap(mentors[a].expertise, mentors[b].expertise);
        const double weight = std::exp(kSharpness * (near - 1));
        if (weight < kLeast) continue;
        alike_[a].emplace_back(b, static_cast<float>(weight));
        alike_[b].emplace_back(a, static_cast<float>(weight));
      }
    }
  }

  const Platform& platform_;
  std::vector<size_t> fold_;  // kFolds: held out
  double mean_ = .5;
  AnswersBy by_mentor_, mentor_by_topic_, mentor_by_expertise_;
  AnswersBy by_mentor_major_, by_mentor_topic_, by_mentor_expertise_;
  AnswersBy by_major_, by_topic_, by_expertise_;  // of the mentee
  std::vector<std::vector<std::pair<uint32_t, float>>> alike_;
};

struct Figures {
  double auc = 0, p1 = 0, ndcg = 0, calibration = 0;
  size_t queries = 0;
};

Figures Measure(const std::vector<Meeting>& meetings,
                const std::vector<double>& scores) {
  Figures figures;
  std::vector<Judged> all;
  std::map<uint32_t, std::vector<Judged>> by_mentee;
  for (size_t i = 0; i < meetings.size(); ++i) {
    all.push_back({scores[i], meetings[i].match ? 1. : 0.});
    by_mentee[meetings[i].mentee].push_back(all.back());
  }
  std::vector<double> first, ndcg;
  for (auto& [mentee, list] : by_mentee) {
    double matches = 0;
    for (const Judged& one : list) matches += one.outcome;
    if (list.size() < 5 || matches == 0 ||
        matches == static_cast<double>(list.size())) {
      continue;
    }
    first.push_back(matching::NdcgAt(list, 1));
    ndcg.push_back(matching::NdcgAt(list, 10));
  }
  figures.queries = first.size();
  figures.p1 = Mean(first);
  figures.ndcg = Mean(ndcg);
  figures.auc = matching::AreaUnderRoc(all);
  figures.calibration = matching::CalibrationError(all);
  return figures;
}

constexpr FeatureSet kCompleteness = FeatureBit(Feature::kSubjectVerified) |
                                     FeatureBit(Feature::kAhead) |
                                     FeatureBit(Feature::kCandidateVerified) |
                                     FeatureBit(Feature::kSameLanguage);
// What the mentee sees, and what decides whether the mentor answers; chosen on
// the seeds 11 to 13.
constexpr FeatureSet kWants =
    FeatureBit(Feature::kGiveSimilarity) | FeatureBit(Feature::kNeedCovered) |
    FeatureBit(Feature::kTakeSimilarity) | FeatureBit(Feature::kSharedNorms) |
    FeatureBit(Feature::kSectorProximity) |
    FeatureBit(Feature::kSubjectReputation) |
    FeatureBit(Feature::kOfferWanted) | FeatureBit(Feature::kSupplyRelation) |
    FeatureBit(Feature::kTrust) | FeatureBit(Feature::kCohesion) |
    kCompleteness;
constexpr FeatureSet kAccepts =
    FeatureBit(Feature::kResponsiveness) | FeatureBit(Feature::kSameGroup) |
    FeatureBit(Feature::kSeatsFree) | FeatureBit(Feature::kTrust) |
    FeatureBit(Feature::kCohesion) | FeatureBit(Feature::kReputation) |
    kCompleteness;

struct Split {
  std::vector<Meeting> train, test;
  std::vector<bool> held_out;
};

Split SplitBy(const Platform& platform, uint32_t seed) {
  Split split;
  PythonRandom random(seed);
  for (size_t i = 0; i < platform.mentees.size(); ++i) {
    split.held_out.push_back(random.Next() < .2);
  }
  for (const Meeting& meeting : platform.meetings) {
    (split.held_out[meeting.mentee] ? split.test : split.train)
        .push_back(meeting);
  }
  return split;
}

// Moves each feature so that its mean, where it is present, is what it counts
// as where it is missing.
class Centre {
 public:
  explicit Centre(const std::vector<AnsweredPair>& pairs) {
    for (const matching::FeatureInfo& info : matching::AllFeatures()) {
      double sum = 0, present = 0;
      for (const AnsweredPair& pair : pairs) {
        if (pair.features.Missing(info.feature)) continue;
        sum += double{pair.features.Get(info.feature)};
        ++present;
      }
      const double mean = present > 0 ? sum / present : 0;
      shift_[static_cast<size_t>(info.feature)] =
          info.neutral - static_cast<float>(mean);
    }
  }
  matching::FeatureVector Of(const matching::FeatureVector& features) const {
    matching::FeatureVector moved;
    for (const matching::FeatureInfo& info : matching::AllFeatures()) {
      if (features.Missing(info.feature)) continue;
      moved.Set(info.feature, features.Get(info.feature) +
                                  shift_[static_cast<size_t>(info.feature)]);
    }
    return moved;
  }

 private:
  std::array<float, matching::kFeatureCount> shift_{};
};

class Trial {
 public:
  Trial(const Platform& platform, uint32_t seed)
      : split_(SplitBy(platform, seed)), history_(platform, split_.held_out) {}

  Figures One(Feature feature) const {
    std::vector<double> scores;
    for (const Meeting& meeting : split_.test) {
      scores.push_back(double{history_.Of(meeting, false).Get(feature)});
    }
    return Measure(split_.test, scores);
  }

  Figures Learned(bool completeness, FeatureSet wants,
                  FeatureSet accepts) const {
    std::vector<AnsweredPair> pairs;
    for (const Meeting& meeting : split_.train) {
      pairs.push_back({history_.Of(meeting, completeness),
                       meeting.match ? matching::Answer::kMatch
                                     : matching::Answer::kMissed});
    }
    const Centre centre(pairs);
    for (AnsweredPair& pair : pairs) pair.features = centre.Of(pair.features);
    matching::LearnOptions options;
    options.wants = wants;
    options.accepts = accepts;
    const auto learned = matching::LearnKind(pairs, options);
    if (!learned.ok()) return {};
    matching::RankingProfile profile = matching::RankingProfile::Default();
    profile.kinds[kKind] = *learned;
    const matching::JointUtility utility(profile, *matching::FindKind(kKind));
    std::vector<double> scores;
    for (const Meeting& meeting : split_.test) {
      scores.push_back(double{
          utility.Score(centre.Of(history_.Of(meeting, completeness))).match});
    }
    return Measure(split_.test, scores);
  }

 private:
  Split split_;
  History history_;
};

}  // namespace

void RunMentors(const SuiteOptions& options, Report& report) {
  report.Section(
      "R2 mentors, a fifth of mentee profiles held out (seed 7; AUC and P@1 of "
      "mentees with >= 5 mixed candidates)");
  if (options.mentor_csv.empty()) {
    for (const char* name : {"r2_auc", "r2_auc_plain", "r2_p1"}) {
      report.Skip(name, "no mentor data (shared data or unzip is absent)");
    }
    return;
  }
  const auto platform = PlatformReader().Read(options.mentor_csv);
  if (!platform.ok()) {
    report.Skip("r2_auc", platform.status().message());
    return;
  }
  const auto noted = [](const Figures& f) {
    return absl::StrFormat("P@1 %.3f, NDCG@10 %.3f, calibration error %.3f",
                           f.p1, f.ndcg, f.calibration);
  };
  const Trial trial(*platform, 7);
  const Figures similar = trial.One(Feature::kGiveSimilarity);
  report.Note("similarity of topics", similar.auc, noted(similar));
  const Figures answers = trial.One(Feature::kResponsiveness);
  report.Note("mentor's answers alone", answers.auc, noted(answers));
  const Figures plain = trial.Learned(false, kWants, kAccepts);
  const Figures full = trial.Learned(true, kWants, kAccepts);
  report.Metric("r2_auc", full.auc, {.79}, "logistic, 13 features .786");
  report.Metric("r2_auc_plain", plain.auc, {.75},
                "mentor's answers alone .712");
  report.Metric("r2_p1", full.p1, {.73}, "logistic .714");
  report.Note("with completeness", full.auc, noted(full));
  report.Note("without completeness", plain.auc, noted(plain));
  if (!options.full) return;
  for (const matching::FeatureInfo& info : matching::AllFeatures()) {
    const Figures alone = trial.One(info.feature);
    report.Note(absl::StrCat(info.name, " alone"), alone.auc, noted(alone));
  }
  for (const uint32_t seed : {11, 12, 13}) {
    const Trial other(*platform, seed);
    for (const bool completeness : {true, false}) {
      const Figures f = other.Learned(completeness, kWants, kAccepts);
      report.Note(absl::StrFormat("seed %d, %s completeness", seed,
                                  completeness ? "with" : "without"),
                  f.auc, noted(f));
    }
    const Figures f = other.One(Feature::kResponsiveness);
    report.Note(absl::StrFormat("seed %d, mentor's answers alone", seed), f.auc,
                noted(f));
    for (const FeatureSet side : {kWants | kAccepts}) {
      const Figures both = other.Learned(true, side, side);
      report.Note(absl::StrFormat("seed %d, both sides see all", seed),
                  both.auc, noted(both));
    }
  }
}

}  // namespace mitra::quality
