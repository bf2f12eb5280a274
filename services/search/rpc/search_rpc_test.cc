#include "services/search/rpc/search_rpc.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/embedding/hashing_embedder.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/retrieval_service.pb.h"
#include "mitra/v1/search_service.pb.h"
#include "services/search/rpc/retrieval_rpc.h"
#include "services/search/testing/feed_builder.h"

namespace mitra::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr size_t kDimension = 128;

class SearchRpcTest : public testing::Test {
 protected:
  SearchRpcTest()
      : state_(IndexState::Options()),
        embedder_(*embedding::HashingEmbedder::Create(kDimension)),
        vectors_(kDimension, 3) {
    v1::FeedHeader header = HeaderFor(kDimension);
    header.set_space("hashing-v1/128/1");
    MITRA_EXPECT_OK(state_.Reset(header));
    gate_ = {.ready = [this] { return ready_; },
             .wait = [this](rpc::CallContext&,
                            uint64_t revision) -> rpc::Task<bool> {
               waited_for_ = revision;
               co_return false;
             }};
    search_.emplace(state_, queries_, gate_, SearchPlan());
    retrieval_.emplace(state_, queries_, gate_, SearchPlan());
  }

  std::vector<float> Embed(absl::string_view text) {
    std::vector<float> vector(kDimension);
    embedder_->Embed(text, absl::MakeSpan(vector));
    return vector;
  }
  ChangeBuilder Business(const std::string& id, const std::string& name,
                         const std::string& offer) {
    ChangeBuilder change(id, ++revision_);
    change.Facet(v1::ROLE_BUSINESS, Embed(offer), {});
    change.profile().set_display_name(name);
    v1::Offer& given = *change.facet(0).add_offers();
    given.set_resource(v1::RESOURCE_OPPORTUNITY);
    given.set_text(offer);
    return change;
  }
  void Apply(const v1::Change& change) {
    MITRA_ASSERT_OK(state_.Apply(change));
  }
  void Commit() { MITRA_ASSERT_OK(state_.Commit(revision_)); }

  absl::StatusOr<v1::SearchProfilesResponse> Search(
      const v1::SearchProfilesRequest& request,
      const std::string& credential = "") {
    rpc::CallContext call;
    call.identity.credential = credential;
    v1::SearchProfilesResponse response;
    const absl::Status status =
        rpc::SyncWait(search_->SearchProfiles(call, request, response));
    if (!status.ok()) return status;
    return response;
  }
  std::vector<std::string> Find(const std::string& query) {
    v1::SearchProfilesRequest request;
    request.set_query(query);
    const auto response = Search(request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> ids;
    if (!response.ok()) return ids;
    for (const auto& hit : response->hits()) {
      EXPECT_TRUE(hit.score() >= 0 && hit.score() <= 1);
      ids.push_back(hit.profile_id());
    }
    return ids;
  }
  absl::StatusOr<v1::RetrieveResponse> Retrieve(
      const v1::RetrieveRequest& request) {
    rpc::CallContext call;
    v1::RetrieveResponse response;
    const absl::Status status =
        rpc::SyncWait(retrieval_->Retrieve(call, request, response));
    if (!status.ok()) return status;
    return response;
  }
  v1::RetrieveRequest Ask(const std::string& need) {
    v1::RetrieveRequest request;
    request.mutable_text()->set_need(need);
    request.add_roles(v1::ROLE_BUSINESS);
    request.set_weight(1);
    request.set_k(5);
    return request;
  }

  IndexState state_;
  QueryEmbedder queries_;
  std::unique_ptr<embedding::HashingEmbedder> embedder_;
  UnitVectors vectors_;
  Gate gate_;
  bool ready_ = true;
  uint64_t waited_for_ = 0;
  uint64_t revision_ = 0;
  std::optional<SearchRpc> search_;
  std::optional<RetrievalRpc> retrieval_;
};

TEST_F(SearchRpcTest, ExactNamesComeFirstThenWordsThenNearMeanings) {
  Apply(Business("a", "Kopi Lawu", "biji kopi sangrai").change());
  Apply(Business("b", "Warung Kopi Lawu Jaya", "kopi seduh").change());
  Apply(Business("c", "Toko Besi", "paku dan semen").change());
  Apply(Business("d", "Kedai Senja", "penyangraian kopi").change());
  Commit();

  const std::vector<std::string> found = Find("kopi  LAWU");

  ASSERT_GE(found.size(), 3U);
  EXPECT_EQ(found[0], "a");
  EXPECT_EQ(found[1], "b");
  EXPECT_EQ(found[2], "d");
  EXPECT_THAT(found, Not(testing::Contains("c")));
  EXPECT_THAT(Find("semen"), ElementsAre("c"));
  // Stems meet: "makanannya" and "makanan".
  Apply(Business("e", "Dapur Ibu", "makanannya rumahan").change());
  Commit();
  EXPECT_EQ(Find("makanan").at(0), "e");
}

TEST_F(SearchRpcTest, TextFollowsUpdatesHidingAndDeletion) {
  Apply(Business("a", "Batik Lama", "kain batik").change());
  Commit();
  EXPECT_THAT(Find("batik"), ElementsAre("a"));

  Apply(Business("a", "Keramik Baru", "guci tanah liat").change());
  Commit();
  EXPECT_THAT(Find("batik"), IsEmpty());
  EXPECT_THAT(Find("keramik"), ElementsAre("a"));

  ChangeBuilder hidden = Business("a", "Keramik Baru", "guci tanah liat");
  hidden.profile().set_hidden(true);
  Apply(hidden.change());
  Commit();
  EXPECT_THAT(Find("keramik"), IsEmpty());

  Apply(Business("a", "Keramik Baru", "guci tanah liat").change());
  Commit();
  EXPECT_THAT(Find("keramik"), ElementsAre("a"));
  ChangeBuilder expired = Business("a", "Keramik Baru", "guci tanah liat");
  expired.facet(0).mutable_offers(0)->set_expired(true);
  Apply(expired.change());
  Commit();
  v1::SearchProfilesRequest offering;
  offering.set_query("keramik");
  offering.mutable_filter()->add_offers(v1::RESOURCE_OPPORTUNITY);
  EXPECT_EQ(Search(offering)->hits_size(), 0);

  Apply(DeletionOf("a", ++revision_));
  Commit();
  EXPECT_THAT(Find("keramik"), IsEmpty());
}

TEST_F(SearchRpcTest, ManyCommitsAndMergesFindTheSame) {
  for (int i = 0; i < 3000; ++i) {
    Apply(Business(absl::StrCat("p", i % 700), absl::StrCat("Usaha ", i),
                   absl::StrCat("barang nomor", i % 700))
              .change());
    if (i % 3 == 0) Commit();
  }
  Commit();
  Settle(state_);
  EXPECT_LE(state_.Read()->lexical.segments().size(), 20U);
  for (int i : {0, 17, 699}) {
    EXPECT_EQ(Find(absl::StrCat("nomor", i)).at(0), absl::StrCat("p", i));
  }
  // Text that was replaced is gone for good.
  EXPECT_LE(state_.figures().documents, 700 * 5 / 4 + 1000);
}

TEST_F(SearchRpcTest, PagesHoldEachHitOnceWhileMembersComeAndGo) {
  for (int i = 0; i < 500; ++i) {
    // A hundred have the same text and so the same score.
    Apply(Business(absl::StrCat("p", absl::Dec(i, absl::kZeroPad3)), "Tahu",
                   i < 100 ? "tahu" : absl::StrCat("tahu ke", i))
              .change());
  }
  Commit();
  v1::SearchProfilesRequest request;
  request.set_query("tahu goreng");
  request.set_page_size(7);
  const auto walk = [&](bool disturb) {
    std::vector<std::string> ids;
    request.clear_page_token();
    int pages = 0;
    while (true) {
      const auto page = Search(request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const auto& hit : page->hits()) ids.push_back(hit.profile_id());
      if (page->next_page_token().empty()) break;
      request.set_page_token(page->next_page_token());
      if (disturb && ++pages == 10) {
        Apply(Business("new", "Tahu", "tahu").change());
        Apply(DeletionOf("p099", ++revision_));
        Commit();
      }
    }
    return ids;
  };

  const std::vector<std::string> first = walk(false);
  EXPECT_EQ(first.size(), 500U);
  EXPECT_EQ(walk(false), first);
  const std::vector<std::string> disturbed = walk(true);
  const std::set<std::string> unique(disturbed.begin(), disturbed.end());
  EXPECT_EQ(unique.size(), disturbed.size());
  EXPECT_EQ(unique.count("new"), 0U);
  EXPECT_EQ(disturbed.size(), 499 + unique.count("p099"));
}

TEST_F(SearchRpcTest, TokensOfOtherQueriesAskersAndNobodyAreRefused) {
  for (int i = 0; i < 30; ++i) {
    Apply(Business(absl::StrCat("p", i), "Tempe", "tempe").change());
  }
  Commit();
  v1::SearchProfilesRequest request;
  request.set_query("tempe");
  const auto page = Search(request, "one");
  MITRA_ASSERT_OK(page);
  ASSERT_FALSE(page->next_page_token().empty());

  request.set_page_token(page->next_page_token());
  MITRA_EXPECT_OK(Search(request, "one"));
  EXPECT_THAT(Search(request, "two"), HasReason("BAD_PAGE_TOKEN"));
  request.set_query("tempe goreng");
  EXPECT_THAT(Search(request, "one"), HasReason("BAD_PAGE_TOKEN"));
  request.set_query("tempe");
  request.mutable_filter()->set_verified(true);
  EXPECT_THAT(Search(request, "one"), HasReason("BAD_PAGE_TOKEN"));
  request.clear_filter();
  request.set_page_token("rubbish");
  EXPECT_THAT(Search(request, "one"), HasReason("BAD_PAGE_TOKEN"));
}

TEST_F(SearchRpcTest, EachBadFieldOfASearchIsNamed) {
  Commit();
  v1::SearchProfilesRequest request;
  request.set_query("  ");
  request.add_roles(static_cast<v1::Role>(77));
  request.set_page_size(101);
  request.set_actor_id("a/b");
  EXPECT_THAT(ViolatedFields(Search(request).status()),
              testing::UnorderedElementsAre("query", "roles[0]", "page_size",
                                            "actor_id"));
  request = {};
  request.set_query(std::string(513, 'x'));
  EXPECT_THAT(Search(request), NamesField("query"));
  request.set_query("x");
  request.mutable_filter()->add_region_codes("nowhere");
  EXPECT_THAT(Search(request), NamesField("filter.region_codes[0]"));
}

TEST_F(SearchRpcTest, EmptyIndexAndQueriesWithoutWordsAreNoErrors) {
  Commit();
  EXPECT_THAT(Find("apa saja"), IsEmpty());
  EXPECT_THAT(Find("!!!"), IsEmpty());
}

TEST_F(SearchRpcTest, RetrievesByTextAndMarksTheMissingSide) {
  Apply(Business("a", "Kopi Lawu", "biji kopi sangrai").change());
  Apply(Business("b", "Toko Besi", "paku dan semen").change());
  Commit();
  v1::RetrieveRequest request = Ask("mencari biji kopi");
  request.set_min_revision(99);

  const auto response = Retrieve(request);

  MITRA_ASSERT_OK(response);
  ASSERT_EQ(response->candidates_size(), 2);
  EXPECT_EQ(response->candidates(0).profile_id(), "a");
  EXPECT_EQ(response->revision(), revision_);
  EXPECT_EQ(response->eligible(), 2U);
  EXPECT_EQ(response->space(), "hashing-v1/128/1");
  EXPECT_FALSE(response->subject_need_missing());
  EXPECT_TRUE(response->subject_offer_missing());
  EXPECT_EQ(waited_for_, 99U);
}

TEST_F(SearchRpcTest, RulesOfBothSidesHoldForADraftToo) {
  ChangeBuilder strict = Business("a", "Kopi Lawu", "biji kopi sangrai");
  strict.facet(0).mutable_acceptance()->add_region_codes("33");
  Apply(strict.change());
  Apply(Business("b", "Toko Besi", "paku dan semen").change());
  Commit();
  v1::RetrieveRequest request = Ask("mencari biji kopi");
  v1::SubjectFacts& facts = *request.mutable_subject_facts();
  facts.add_roles(v1::ROLE_BUSINESS);
  facts.set_region_code("32.73");

  const auto elsewhere = Retrieve(request);
  facts.set_region_code("33.72.01");
  const auto inside = Retrieve(request);
  facts.add_acceptance()->add_scales(v1::SCALE_SMALL);
  const auto choosy = Retrieve(request);

  MITRA_ASSERT_OK(elsewhere);
  ASSERT_EQ(elsewhere->candidates_size(), 1);
  EXPECT_EQ(elsewhere->candidates(0).profile_id(), "b");
  MITRA_ASSERT_OK(inside);
  EXPECT_EQ(inside->candidates_size(), 2);
  MITRA_ASSERT_OK(choosy);
  EXPECT_EQ(choosy->eligible(), 0U);
}

TEST_F(SearchRpcTest, ABatchSaysWhatItsRequestsWouldSay) {
  Apply(Business("a", "Kopi Lawu", "biji kopi sangrai").change());
  Apply(Business("b", "Toko Besi", "paku dan semen").change());
  Commit();
  v1::RetrieveBatchRequest batch;
  *batch.add_requests() = Ask("mencari biji kopi");
  v1::RetrieveRequest& about_b = *batch.add_requests();
  about_b = Ask("");
  about_b.set_profile_id("b");
  about_b.set_k(1);
  about_b.set_packed_score_ids("\1a");
  batch.add_requests()->set_profile_id("nobody");
  rpc::CallContext call;
  v1::RetrieveBatchResponse response;
  MITRA_ASSERT_OK(
      rpc::SyncWait(retrieval_->RetrieveBatch(call, batch, response)));

  ASSERT_EQ(response.answers_size(), 3);
  EXPECT_EQ(response.revision(), revision_);
  for (int i = 0; i < 2; ++i) {
    const auto alone = Retrieve(batch.requests(i));
    MITRA_ASSERT_OK(alone);
    const auto& answer = response.answers(i);
    ASSERT_EQ(answer.give_size(), alone->candidates_size());
    ASSERT_EQ(answer.take_size(), alone->candidates_size());
    EXPECT_EQ(answer.eligible(), alone->eligible());
    std::string ids;
    uint32_t retrieved = 0;
    for (int c = 0; c < alone->candidates_size(); ++c) {
      const auto& candidate = alone->candidates(c);
      ids += static_cast<char>(candidate.profile_id().size());
      ids += candidate.profile_id();
      EXPECT_EQ(answer.roles()[static_cast<size_t>(c)], candidate.role());
      EXPECT_EQ(answer.give(c), candidate.give());
      EXPECT_EQ(answer.take(c), candidate.take());
      retrieved += !candidate.also_scored();
    }
    EXPECT_EQ(answer.profile_ids(), ids);
    EXPECT_EQ(answer.retrieved(), retrieved);
  }
  EXPECT_NE(response.answers(2).status().code(), 0);
  for (int i = 0; i < 70; ++i) batch.add_requests();
  EXPECT_THAT(rpc::SyncWait(retrieval_->RetrieveBatch(call, batch, response)),
              NamesField("requests"));
}

TEST_F(SearchRpcTest, ABatchWithoutRequestsWaitsForARevisionAndTellsIt) {
  Apply(Business("a", "Kopi Lawu", "biji kopi sangrai").change());
  Commit();
  v1::RetrieveBatchRequest batch;
  batch.set_min_revision(98);
  rpc::CallContext call;
  v1::RetrieveBatchResponse response;
  MITRA_ASSERT_OK(
      rpc::SyncWait(retrieval_->RetrieveBatch(call, batch, response)));
  EXPECT_EQ(waited_for_, 98U);
  EXPECT_EQ(response.revision(), revision_);
  EXPECT_EQ(response.answers_size(), 0);
}

TEST_F(SearchRpcTest, CountsFacetsThatPassTheFilterExactly) {
  const char* regions[] = {"33.72.01", "33.74.02", "32.73"};
  for (int i = 0; i < 30; ++i) {
    ChangeBuilder change = Business(absl::StrCat("p", i), "Usaha", "biji kopi");
    change.profile().set_region_code(regions[i % 3]);
    change.profile().add_languages(i % 2 == 0 ? "id" : "jv");
    change.profile().set_hidden(i >= 24);
    if (i < 6) change.Facet(v1::ROLE_MENTOR, vectors_.Next(), {});
    Apply(change.change());
  }
  Commit();
  v1::SearchProfilesRequest request;
  request.set_query("kopi");
  request.set_page_size(1);
  request.mutable_filter()->add_exclude_ids("p0");
  for (const auto field :
       {v1::COUNTED_FIELD_PROVINCE, v1::COUNTED_FIELD_REGENCY,
        v1::COUNTED_FIELD_LANGUAGE, v1::COUNTED_FIELD_ROLE,
        v1::COUNTED_FIELD_OFFER, v1::COUNTED_FIELD_NORM}) {
    request.add_counted_fields(field);
  }
  const auto counted = [](const v1::SearchProfilesResponse& response, int i) {
    std::string text;
    for (const auto& value : response.counts(i).values()) {
      absl::StrAppend(&text, value.value(), ":", value.count(), " ");
    }
    return text;
  };

  const auto all = Search(request);
  MITRA_ASSERT_OK(all);
  EXPECT_EQ(all->counted_facets(), 28U);  // p1 … p23, p1 … p5 as mentors
  ASSERT_EQ(all->counts_size(), 6);
  EXPECT_EQ(counted(*all, 0), "33:18 32:10 ");
  EXPECT_EQ(counted(*all, 1), "32.73:10 33.74:10 33.72:8 ");
  EXPECT_EQ(counted(*all, 2), "jv:15 id:13 ");
  EXPECT_EQ(counted(*all, 3), "ROLE_BUSINESS:23 ROLE_MENTOR:5 ");
  EXPECT_EQ(counted(*all, 4), "RESOURCE_OPPORTUNITY:23 ");
  EXPECT_EQ(counted(*all, 5), "");

  v1::SearchProfilesRequest second = request;
  second.set_page_token(all->next_page_token());
  const auto next = Search(second);
  MITRA_ASSERT_OK(next);
  EXPECT_EQ(next->counts_size(), 0);

  request.mutable_filter()->add_languages("jv");
  request.add_roles(v1::ROLE_MENTOR);
  const auto some = Search(request);
  MITRA_ASSERT_OK(some);
  EXPECT_EQ(some->counted_facets(), 3U);
  EXPECT_EQ(counted(*some, 1), "32.73:1 33.72:1 33.74:1 ");

  request.add_counted_fields(v1::COUNTED_FIELD_ROLE);
  request.add_counted_fields(static_cast<v1::CountedField>(99));
  request.set_min_score(1.5);
  EXPECT_THAT(ViolatedFields(Search(request).status()),
              testing::UnorderedElementsAre("counted_fields[6]",
                                            "counted_fields[7]", "min_score"));
}

TEST_F(SearchRpcTest, CandidatesAndHitsBelowTheLeastScoreAreLeftOut) {
  Apply(Business("a", "Kopi Lawu", "biji kopi sangrai").change());
  Apply(Business("b", "Toko Besi", "paku dan semen").change());
  Commit();
  v1::RetrieveRequest request = Ask("biji kopi sangrai");
  request.set_packed_score_ids("\1b");
  ASSERT_EQ(Retrieve(request)->candidates_size(), 2);
  request.set_min_score(0.9F);
  const auto near = Retrieve(request);
  ASSERT_EQ(near->candidates_size(), 1);
  EXPECT_EQ(near->candidates(0).profile_id(), "a");
  request.set_k(1);
  EXPECT_EQ(Retrieve(request)->candidates_size(), 1);
  request.set_min_score(std::nanf(""));
  EXPECT_THAT(Retrieve(request), NamesField("min_score"));

  v1::SearchProfilesRequest words;
  words.set_query("kopi lawu");
  ASSERT_GE(Search(words)->hits_size(), 1);
  words.set_min_score(1);
  ASSERT_EQ(Search(words)->hits_size(), 1);  // the name itself
  words.set_query("kopi sangrai");
  EXPECT_EQ(Search(words)->hits_size(), 0);
}

TEST_F(SearchRpcTest, EachBadFieldOfARetrievalIsNamed) {
  Apply(Business("a", "Kopi", "kopi").change());
  Commit();
  v1::RetrieveRequest bad = Ask("x");
  bad.clear_roles();
  bad.set_weight(std::nan(""));
  bad.set_k(0);
  bad.set_packed_score_ids("\3a b");
  bad.set_subject_role(v1::ROLE_MENTOR);
  EXPECT_THAT(ViolatedFields(Retrieve(bad).status()),
              testing::UnorderedElementsAre(
                  "roles", "weight", "k", "packed_score_ids", "subject_role"));
  v1::RetrieveRequest request = Ask("x");
  request.set_k(2001);
  EXPECT_THAT(Retrieve(request), NamesField("k"));
  request.set_k(-1);
  EXPECT_THAT(Retrieve(request), NamesField("k"));
  request = Ask("x");
  for (const char* const packed : {"\2a", "\3a b", "\1a\x7f"}) {
    request.set_packed_score_ids(packed);
    EXPECT_THAT(Retrieve(request), NamesField("packed_score_ids"));
  }
  request = Ask("x");
  request.clear_text();
  EXPECT_THAT(Retrieve(request), NamesField("subject"));
  request.set_profile_id("..");
  EXPECT_THAT(Retrieve(request), NamesField("profile_id"));
  request.set_profile_id("nobody");
  EXPECT_THAT(Retrieve(request), StatusIs(absl::StatusCode::kNotFound));
  request = Ask(std::string(8001, 'x'));
  EXPECT_THAT(Retrieve(request), NamesField("text.need"));
  request = Ask("x");
  request.mutable_filter()->add_kinds(static_cast<v1::MemberKind>(50));
  EXPECT_THAT(Retrieve(request), NamesField("filter.kinds[0]"));
  request = Ask("x");
  request.set_space("hashing-v1/64/1");
  EXPECT_THAT(Retrieve(request), HasReason("SPACE_MISMATCH"));
}

TEST_F(SearchRpcTest, BadQueryVectorsAreRefusedAndOthersUnaffected) {
  Apply(Business("a", "Kopi", "kopi").change());
  Commit();
  const auto with = [&](const std::vector<float>& values) {
    v1::RetrieveRequest request = Ask("");
    auto& need = *request.mutable_vectors()->mutable_need();
    need.mutable_values()->Add(values.begin(), values.end());
    return request;
  };
  const std::vector<float> good = vectors_.Next();
  MITRA_ASSERT_OK_AND_ASSIGN(const auto before, Retrieve(with(good)));
  for (float bad : {std::nanf(""), INFINITY}) {
    std::vector<float> values = good;
    values[5] = bad;
    EXPECT_THAT(Retrieve(with(values)), NamesField("vectors.need.values"));
  }
  EXPECT_THAT(Retrieve(with(std::vector<float>(kDimension))),
              NamesField("vectors.need.values"));
  EXPECT_THAT(Retrieve(with(std::vector<float>(kDimension, 1e-30F))),
              NamesField("vectors.need.values"));
  EXPECT_THAT(Retrieve(with(std::vector<float>(kDimension - 1, 1))),
              NamesField("vectors.need.values"));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto after, Retrieve(with(good)));
  EXPECT_EQ(before.SerializeAsString(), after.SerializeAsString());
  // Scaled queries are the same query.
  std::vector<float> longer = good;
  for (float& v : longer) v *= 1000;
  MITRA_ASSERT_OK_AND_ASSIGN(const auto scaled, Retrieve(with(longer)));
  EXPECT_NEAR(scaled.candidates(0).give(), before.candidates(0).give(), 1e-5);
}

TEST_F(SearchRpcTest, NothingIsAnsweredBeforeTheIndexIsLoaded) {
  Commit();
  ready_ = false;
  v1::SearchProfilesRequest request;
  request.set_query("x");
  EXPECT_THAT(Search(request), HasReason("NOT_READY"));
  EXPECT_THAT(Retrieve(Ask("x")), HasReason("NOT_READY"));
}

}  // namespace
}  // namespace mitra::search
