// Feedback on a real record: what its tokens say, what is kept, what goes.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/attribution_token.h"
#include "common/base/page_token.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/ingest/merge_records.h"
#include "services/profile/ingest/records_fixture.h"
#include "services/profile/ingest/relation_records.h"

namespace mitra::profile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class FeedbackRecordsTest : public RecordsFixture {
 protected:
  FeedbackRecordsTest() {
    relations_.emplace(*store_, clock_, redirects_);
    for (const char* id : {"warung-sari", "mentor-budi", "mentor-tini"}) {
      Add(id);
    }
  }

  void As(rpc::CallContext& call, const std::string& member) {
    call.identity.credential = credential_;
    call.identity.member_id = member;
  }
  void Add(const std::string& id) {
    rpc::CallContext call;
    As(call, "");
    v1::UpsertProfileRequest request;
    *request.mutable_profile() = ABakery(id);
    v1::Profile response;
    MITRA_ASSERT_OK(rpc::SyncWait(profiles_->Upsert(call, request, response)));
  }
  void Delete(const std::string& id) {
    rpc::CallContext call;
    As(call, "");
    v1::DeleteProfileRequest request;
    request.set_profile_id(id);
    v1::DeleteProfileResponse response;
    MITRA_ASSERT_OK(rpc::SyncWait(profiles_->Delete(call, request, response)));
  }
  uint64_t LifeOf(const std::string& id) {
    return (*store_->Get(EntityType::kProfile, id))->incarnation;
  }

  // A token of a recommendation to warung-sari, as matching makes it.
  std::string TokenOf(const std::string& candidate, uint32_t position = 0) {
    Attribution about;
    about.subject_id = "warung-sari";
    about.subject_incarnation = LifeOf("warung-sari");
    about.candidate_id = candidate;
    about.candidate_incarnation = LifeOf(candidate);
    about.kind = v1::RECOMMENDATION_KIND_MENTOR;
    about.slate_id = 0x1234;
    about.position = position;
    about.ranking_profile = "fixed-3";
    return EncodeAttribution(store_->info().token_key, about, clock_.Now());
  }
  static v1::Feedback Saved(const std::string& token) {
    v1::Feedback feedback;
    feedback.set_attribution_token(token);
    feedback.set_kind(v1::FEEDBACK_KIND_SAVED);
    return feedback;
  }
  static v1::Feedback Came(const std::string& token, v1::OutcomeKind outcome,
                           double amount) {
    v1::Feedback feedback;
    feedback.set_attribution_token(token);
    feedback.set_kind(v1::FEEDBACK_KIND_OUTCOME);
    feedback.set_outcome(outcome);
    feedback.set_amount(amount);
    return feedback;
  }
  // The status of each row.
  std::vector<absl::Status> Record(std::vector<v1::Feedback> rows,
                                   const std::string& actor = "",
                                   const std::string& member = "") {
    v1::BatchRecordFeedbackRequest request;
    for (v1::Feedback& row : rows) *request.add_feedback() = std::move(row);
    request.set_actor_id(actor);
    rpc::CallContext call;
    As(call, member);
    v1::BatchRecordFeedbackResponse response;
    const absl::Status status =
        rpc::SyncWait(relations_->RecordFeedback(call, request, response));
    if (!status.ok()) return {status};
    std::vector<absl::Status> statuses;
    for (const auto& one : response.statuses()) {
      statuses.push_back(FromRpcStatus(one));
    }
    return statuses;
  }
  std::vector<v1::Feedback> Stored() {
    std::vector<v1::Feedback> all;
    const auto page = store_->List(EntityType::kFeedback, "", {});
    for (const Entity& entity : page->entities) {
      EXPECT_TRUE(all.emplace_back().ParseFromString(entity.secret));
    }
    return all;
  }
  // All that the folder holds, after the record is closed.
  std::string Bytes() {
    relations_.reset();
    profiles_.reset();
    store_.reset();
    std::string bytes;
    for (const auto& file :
         std::filesystem::directory_iterator(directory_.path())) {
      std::ifstream in(file.path(), std::ios::binary);
      bytes.append(std::istreambuf_iterator<char>(in), {});
    }
    return bytes;
  }

  std::string credential_ = "koperasi";
  std::optional<RelationRecords> relations_;
};

TEST_F(FeedbackRecordsTest, WhatTheTokenSaidIsKeptAndTheTokenIsNot) {
  const std::string token = TokenOf("mentor-budi", 3);
  EXPECT_THAT(Record({Saved(token)}, "warung-sari", "warung-sari"),
              ElementsAre(IsOk()));

  const auto stored = Stored();
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].attribution_token(), "");
  EXPECT_EQ(stored[0].attribution().subject_id(), "warung-sari");
  EXPECT_EQ(stored[0].attribution().candidate_id(), "mentor-budi");
  EXPECT_EQ(stored[0].attribution().kind(), v1::RECOMMENDATION_KIND_MENTOR);
  EXPECT_EQ(stored[0].attribution().slate_id(), 0x1234u);
  EXPECT_EQ(stored[0].attribution().position(), 3u);
  EXPECT_EQ(stored[0].attribution().ranking_profile(), "fixed-3");
  EXPECT_EQ(stored[0].event_time().seconds(), kTestNow);
  EXPECT_THAT(Bytes(), Not(HasSubstr(token)));
}

TEST_F(FeedbackRecordsTest, FeedbackGoesWithEitherMemberAndLeavesNoTrace) {
  EXPECT_THAT(
      Record({Saved(TokenOf("mentor-budi")), Saved(TokenOf("mentor-tini", 1))}),
      ElementsAre(IsOk(), IsOk()));
  Delete("mentor-budi");
  const auto left = Stored();
  ASSERT_THAT(left, SizeIs(1)) << "the other candidate's stays";
  EXPECT_EQ(left[0].attribution().candidate_id(), "mentor-tini");
  EXPECT_THAT(store_->Trace("mentor-budi", "")->links, IsEmpty());
  Delete("warung-sari");
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_THAT(store_->Trace("mentor-tini", "")->links, IsEmpty());

  const std::string bytes = Bytes();
  EXPECT_THAT(bytes, Not(HasSubstr("mentor-budi")));
  EXPECT_THAT(bytes, Not(HasSubstr("warung-sari")));
  EXPECT_THAT(bytes, HasSubstr("mentor-tini")) << "who is there is found so";
}

TEST_F(FeedbackRecordsTest, EachRowWithABadTokenIsRefusedByName) {
  Attribution foreign;
  foreign.subject_id = "warung-sari";
  foreign.candidate_id = "mentor-budi";
  const std::string forged =
      EncodeAttribution(NewPageTokenKey(), foreign, clock_.Now());
  const std::string good = TokenOf("mentor-budi");
  std::string damaged = good;
  damaged[40] = damaged[40] == 'A' ? 'B' : 'A';

  const auto statuses = Record({Saved("made-up"), Saved(forged), Saved(good),
                                Saved(damaged), Saved("")});

  for (const size_t row : {0, 1, 3, 4}) {
    EXPECT_THAT(statuses[row], NamesField(absl::StrCat("feedback[", row,
                                                       "].attribution_token")));
  }
  EXPECT_THAT(statuses[0], HasReason("BAD_ATTRIBUTION_TOKEN"));
  EXPECT_THAT(statuses[1], HasReason("BAD_ATTRIBUTION_TOKEN"));
  EXPECT_THAT(statuses[2], IsOk());
  EXPECT_THAT(Stored(), SizeIs(1));

  v1::Feedback shown = Saved("made-up");
  shown.set_kind(v1::FEEDBACK_KIND_SHOWN);
  EXPECT_THAT(Record({shown}),
              ElementsAre(NamesField("feedback[0].attribution_token")));
}

TEST_F(FeedbackRecordsTest, TokensEndAfterThirtyDays) {
  const std::string token = TokenOf("mentor-budi");
  clock_.Advance(absl::Hours(24 * 30));
  EXPECT_THAT(Record({Saved(token)}), ElementsAre(IsOk()));
  clock_.Advance(absl::Seconds(1));
  const auto late = Record({Saved(token)});
  EXPECT_THAT(late, ElementsAre(HasReason("ATTRIBUTION_TOKEN_EXPIRED")));
  EXPECT_THAT(late[0], NamesField("feedback[0].attribution_token"));
}

TEST_F(FeedbackRecordsTest, TheActorMustBeTheSubject) {
  const std::string token = TokenOf("mentor-budi");
  const auto as_other = Record({Saved(token)}, "mentor-tini", "mentor-tini");
  ASSERT_THAT(as_other, SizeIs(1));
  EXPECT_THAT(as_other[0], HasReason("BAD_ATTRIBUTION_TOKEN"));
  EXPECT_THAT(as_other[0], NamesField("feedback[0].attribution_token"));
  // Not the candidate either, and a platform that names an actor means it.
  EXPECT_THAT(Record({Saved(token)}, "mentor-budi", "mentor-budi"),
              ElementsAre(HasReason("BAD_ATTRIBUTION_TOKEN")));
  EXPECT_THAT(Record({Saved(token)}, "mentor-tini"),
              ElementsAre(HasReason("BAD_ATTRIBUTION_TOKEN")));
  EXPECT_THAT(Record({Saved(token)}, "warung-sari", "mentor-tini"),
              ElementsAre(StatusIs(absl::StatusCode::kNotFound)));
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_THAT(Record({Saved(token)}, "warung-sari", "warung-sari"),
              ElementsAre(IsOk()));
}

TEST_F(FeedbackRecordsTest, ASubjectOfOneRequestHasNoActor) {
  Attribution about;
  about.candidate_id = "mentor-budi";
  about.candidate_incarnation = LifeOf("mentor-budi");
  const std::string token =
      EncodeAttribution(store_->info().token_key, about, clock_.Now());
  EXPECT_THAT(Record({Saved(token)}, "warung-sari"),
              ElementsAre(HasReason("BAD_ATTRIBUTION_TOKEN")));
  EXPECT_THAT(Record({Saved(token)}), ElementsAre(IsOk()));
  Delete("mentor-budi");
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(FeedbackRecordsTest, OnlyTheOwnerOfTheSubjectGivesFeedback) {
  const std::string token = TokenOf("mentor-budi");
  credential_ = "another-platform";
  const auto refused = Record({Saved(token)});
  EXPECT_THAT(refused, ElementsAre(StatusIs(absl::StatusCode::kNotFound)));
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(FeedbackRecordsTest, AnotherLifeOfAMemberIsNotTheOneRecommended) {
  const std::string token = TokenOf("mentor-budi");
  Delete("mentor-budi");
  EXPECT_THAT(Record({Saved(token)}),
              ElementsAre(StatusIs(absl::StatusCode::kNotFound)));
  Add("mentor-budi");
  EXPECT_THAT(Record({Saved(token)}),
              ElementsAre(StatusIs(absl::StatusCode::kNotFound)));
  EXPECT_THAT(Record({Saved(TokenOf("mentor-budi"))}), ElementsAre(IsOk()));
}

TEST_F(FeedbackRecordsTest, EveryOutcomeOfOneTokenIsKept) {
  const std::string token = TokenOf("mentor-budi");
  v1::Feedback dismissed = Saved(token);
  dismissed.set_kind(v1::FEEDBACK_KIND_DISMISSED);
  dismissed.set_reason_code("too_far");
  v1::Feedback other_reason = dismissed;
  other_reason.set_reason_code("other");
  const std::vector<v1::Feedback> rows = {
      Came(token, v1::OUTCOME_KIND_SALES, 5),
      Came(token, v1::OUTCOME_KIND_JOBS, 3),
      Came(token, v1::OUTCOME_KIND_SALES, 9), dismissed, other_reason};
  EXPECT_THAT(Record(rows), ::testing::Each(IsOk()));
  EXPECT_THAT(Stored(), SizeIs(5));
  // The same again, by another copy of the token.
  clock_.Advance(absl::Hours(1));
  std::vector<v1::Feedback> again = rows;
  for (v1::Feedback& row : again) {
    row.set_attribution_token(TokenOf("mentor-budi"));
  }
  EXPECT_THAT(Record(again), ::testing::Each(IsOk()));
  EXPECT_THAT(Stored(), SizeIs(5));
}

TEST_F(FeedbackRecordsTest, AReferenceMarksAPieceWhateverItsToken) {
  const std::string token = TokenOf("mentor-budi");
  v1::Feedback sale = Came(token, v1::OUTCOME_KIND_SALES, 5);
  sale.set_external_ref("order-17");
  v1::Feedback jobs = Came(token, v1::OUTCOME_KIND_JOBS, 1);
  jobs.set_external_ref("order-17");
  EXPECT_THAT(Record({sale, jobs}), ElementsAre(IsOk(), IsOk()));
  EXPECT_THAT(Record({sale}), ElementsAre(IsOk())) << "a repeat";
  sale.set_amount(6);
  EXPECT_THAT(Record({sale}),
              ElementsAre(StatusIs(absl::StatusCode::kAlreadyExists)))
      << "never dropped in silence";
  EXPECT_THAT(Stored(), SizeIs(2));
}

TEST_F(FeedbackRecordsTest, FeedbackFollowsAMergedMember) {
  const std::string early = TokenOf("mentor-budi");
  EXPECT_THAT(Record({Saved(early)}), ElementsAre(IsOk()));
  MergeRecords merges(*store_, ingest_, clock_, rules_);
  rpc::CallContext call;
  As(call, "");
  v1::MergeProfilesRequest request;
  request.set_from_profile_id("mentor-budi");
  request.set_into_profile_id("mentor-tini");
  v1::Profile merged;
  MITRA_ASSERT_OK(rpc::SyncWait(merges.Merge(call, request, merged)));

  ASSERT_THAT(Stored(), SizeIs(1));
  EXPECT_EQ(Stored()[0].attribution().candidate_id(), "mentor-tini");
  // What was recommended before the merge means who stayed.
  EXPECT_THAT(Record({Came(early, v1::OUTCOME_KIND_SALES, 1)}),
              ElementsAre(IsOk()));
  ASSERT_THAT(Stored(), SizeIs(2));
  Delete("mentor-tini");
  EXPECT_THAT(Stored(), IsEmpty());
}

}  // namespace
}  // namespace mitra::profile
