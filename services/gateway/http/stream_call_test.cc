// Streaming methods over HTTP.

#include <latch>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/events_service.pb.h"
#include "mitra/v1/profiles_service.pb.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/gateway/http/gzip.h"
#include "services/gateway/testing/gateway_harness.h"

namespace mitra::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kWatch[] = "/mitra.v1.Refreshes/WatchRefresh";
constexpr char kImport[] = "/mitra.v1.Profiles/Import";

class StreamCallTest : public ::testing::Test {
 protected:
  StreamCallTest() {
    // Sends the state as often as the id's last digit says.
    gateway_.AnswerStream(
        kWatch,
        [this](rpc::CallContext& call,
               rpc::RawStream& raw) -> rpc::Task<absl::Status> {
          rpc::Stream<v1::WatchRefreshRequest, v1::Refresh> stream(raw);
          auto request = co_await stream.Read();
          if (!request.ok()) co_return request.status();
          v1::Refresh refresh;
          refresh.set_refresh_id((*request)->refresh_id());
          const int times = refresh.refresh_id().back() - '0';
          for (int i = 1; i <= times; ++i) {
            refresh.set_members_done(static_cast<uint64_t>(i));
            const bool taken = co_await stream.Write(refresh);
            if (!taken) co_return absl::OkStatus();
          }
          (void)call;
          co_return end_;
        });
    // A verdict for every row.
    gateway_.AnswerStream(
        kImport,
        [this](rpc::CallContext&,
               rpc::RawStream& raw) -> rpc::Task<absl::Status> {
          rpc::Stream<v1::ImportRequest, v1::ImportResponse> stream(raw);
          for (;;) {
            auto request = co_await stream.Read();
            if (!request.ok()) co_return request.status();
            if (!request->has_value()) co_return absl::OkStatus();
            ++rows_;
            v1::ImportResponse response;
            auto* result = response.add_results();
            result->set_row((*request)->row());
            result->set_id((*request)->profile().profile_id());
            if ((*request)->has_unreadable()) {
              result->set_verdict(v1::ROW_VERDICT_REJECTED);
              *result->mutable_status() = (*request)->unreadable();
            }
            const bool taken = co_await stream.Write(response);
            if (!taken) co_return absl::OkStatus();
          }
        });
  }

  HttpAnswer Import(const std::string& body, const std::string& headers = "") {
    return gateway_.Http(
        "POST", "/v1/profiles:import",
        auth_ + "Content-Type: application/x-ndjson\r\n" + headers, body);
  }
  // Of a chunked body.
  static std::string Join(const HttpAnswer& answer) {
    EXPECT_THAT(answer.head, HasSubstr("chunked"));
    std::string text;
    absl::string_view rest = answer.body;
    for (;;) {
      const size_t end = rest.find("\r\n");
      if (end == absl::string_view::npos) return text + "<cut>";
      const size_t size =
          std::stoul(std::string(rest.substr(0, end)), nullptr, 16);
      if (size == 0) return text;
      absl::StrAppend(&text, rest.substr(end + 2, size));
      rest.remove_prefix(end + 2 + size + 2);
    }
  }

  GatewayHarness gateway_;
  const std::string auth_ =
      "Authorization: Bearer " + gateway_.NewKey({"*"}) + "\r\n";
  absl::Status end_;
  std::atomic<int> rows_{0};
};

TEST_F(StreamCallTest, ProgressComesAsEvents) {
  const HttpAnswer answer =
      gateway_.Http("GET", "/v1/refreshes/r-3:watch", auth_);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("X-Request-Id: "));
  EXPECT_EQ(Join(answer),
            "data: {\"refreshId\":\"r-3\",\"membersDone\":\"1\"}\n\n"
            "data: {\"refreshId\":\"r-3\",\"membersDone\":\"2\"}\n\n"
            "data: {\"refreshId\":\"r-3\",\"membersDone\":\"3\"}\n\n");
}

TEST_F(StreamCallTest, AStreamOfEventsGoesOnAfterTheLastEvent) {
  gateway_.AnswerStream(
      "/mitra.v1.Events/WatchEvents",
      [](rpc::CallContext&, rpc::RawStream& raw) -> rpc::Task<absl::Status> {
        rpc::Stream<v1::WatchEventsRequest, v1::WatchEventsResponse> stream(
            raw);
        auto request = co_await stream.Read();
        if (!request.ok()) co_return request.status();
        v1::WatchEventsResponse response;
        response.set_revision((*request)->after_revision() + 1);
        response.set_record_incarnation((*request)->record_incarnation());
        (void)co_await stream.Write(response);
        co_return absl::OkStatus();
      });
  const std::string path = "/v1/events:watch?kinds=EVENT_KIND_MEMBER";
  EXPECT_EQ(Join(gateway_.Http("GET", path + "&afterRevision=6", auth_)),
            "id: 0-7\ndata: {\"revision\":\"7\"}\n\n");
  EXPECT_EQ(Join(gateway_.Http("GET", path + "&fromNow=true",
                               auth_ + "Last-Event-ID: 9-41\r\n")),
            "id: 9-42\ndata: {\"revision\":\"42\","
            "\"recordIncarnation\":\"9\"}\n\n");
  const HttpAnswer wrong =
      gateway_.Http("GET", path, auth_ + "Last-Event-ID: yesterday\r\n");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("Last-Event-ID"));
}

TEST_F(StreamCallTest, OrAsLinesIfTheClientWantsThem) {
  const HttpAnswer answer =
      gateway_.Http("GET", "/v1/refreshes/r-2:watch",
                    auth_ + "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(Join(answer),
            "{\"refreshId\":\"r-2\",\"membersDone\":\"1\"}\n"
            "{\"refreshId\":\"r-2\",\"membersDone\":\"2\"}\n");
  EXPECT_EQ(gateway_
                .Http("GET", "/v1/refreshes/r-2:watch",
                      auth_ + "Accept: application/json\r\n")
                .status,
            406);
}

TEST_F(StreamCallTest, AnErrorBeforeTheFirstAnswerIsAnOrdinaryOne) {
  end_ = MakeError(absl::StatusCode::kNotFound, "REFRESH_NOT_FOUND", "none");
  const HttpAnswer answer =
      gateway_.Http("GET", "/v1/refreshes/r-0:watch", auth_);
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("REFRESH_NOT_FOUND"));
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: application/json"));
}

TEST_F(StreamCallTest, AnErrorLaterIsAnEvent) {
  end_ = MakeError(absl::StatusCode::kUnavailable, "DRAINING", "going");
  const HttpAnswer answer =
      gateway_.Http("GET", "/v1/refreshes/r-1:watch", auth_);
  EXPECT_EQ(answer.status, 200);
  const std::string text = Join(answer);
  EXPECT_THAT(text, HasSubstr("event: error\ndata: {\"error\":"));
  EXPECT_THAT(text, HasSubstr("DRAINING"));
}

TEST_F(StreamCallTest, WhoMayNotIsToldSo) {
  EXPECT_EQ(gateway_.Http("GET", "/v1/refreshes/r-1:watch").status, 401);
  const std::string member =
      "X-Api-Key: " + gateway_.NewKey({"*"}, "sari") + "\r\n";
  EXPECT_EQ(gateway_.Http("GET", "/v1/refreshes/r-1:watch", member).status,
            403);
}

TEST_F(StreamCallTest, RowsGetTheirVerdicts) {
  const HttpAnswer answer = Import(
      "{\"row\":\"1\",\"profile\":{\"profileId\":\"a\"}}\n\n"
      "{\"row\":\"2\",\"profile\":{\"profileId\":\"b\"}}");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.head, HasSubstr("application/x-ndjson"));
  EXPECT_EQ(Join(answer),
            "{\"results\":[{\"row\":\"1\",\"id\":\"a\"}]}\n"
            "{\"results\":[{\"row\":\"2\",\"id\":\"b\"}]}\n");
  EXPECT_THAT(gateway_.audit(), HasSubstr("Profiles/Import"));
}

TEST_F(StreamCallTest, PackedRowsAreUnpackedAsTheyAreWanted) {
  std::string rows;
  for (int i = 0; i < 20'000; ++i) {
    absl::StrAppend(&rows, "{\"row\":\"", i,
                    "\",\"profile\":{\"profileId\":\"p", i, "\"}}\n");
  }
  const HttpAnswer answer = Import(Gzip(rows), "Content-Encoding: gzip\r\n");
  EXPECT_EQ(answer.status, 200);
  const std::string text = Join(answer);
  EXPECT_THAT(text, HasSubstr("{\"results\":[{\"row\":\"19999\","));
  EXPECT_EQ(rows_, 20'000);
}

TEST_F(StreamCallTest, RowsWithoutANumberHaveThatOfTheirLine) {
  EXPECT_EQ(Join(Import("\n{\"profile\":{\"profileId\":\"a\"}}\n"
                        "{\"row\":\"70\"}\n")),
            "{\"results\":[{\"row\":\"2\",\"id\":\"a\"}]}\n"
            "{\"results\":[{\"row\":\"70\"}]}\n");
}

TEST_F(StreamCallTest, ABadLineIsAVerdictAndTheOthersGoOn) {
  const std::string good = "{\"profile\":{\"profileId\":\"a\"}}\n";
  for (const bool packed : {false, true}) {
    rows_ = 0;
    const std::string body =
        good + "{\"colour\":1}\n" + good + "{\"row\":\"40\",\"profile\":7}\n" +
        "not JSON\n" + "{\"profile\":{\"about\":\"\xc3\x28\"}}\n" +
        std::string(2'000'000, ' ') + "{}\n" + std::string(100'000, '[') +
        "\n" + good + std::string(1'100'000, '{');
    const HttpAnswer answer =
        packed ? Import(Gzip(body), "Content-Encoding: gzip\r\n")
               : Import(body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    const std::vector<std::string> lines =
        absl::StrSplit(Join(answer), '\n', absl::SkipEmpty());
    ASSERT_EQ(lines.size(), 10u);
    EXPECT_EQ(rows_, 10);
    for (const int line : {0, 2, 8}) {
      EXPECT_EQ(lines[line], absl::StrCat("{\"results\":[{\"row\":\"", line + 1,
                                          "\",\"id\":\"a\"}]}"));
    }
    const std::pair<int, const char*> bad[] = {
        {1, "line 2: colour"},
        {3, "line 4: profile"},
        {4, "line 5: "},
        {5, "line 6: "},
        {6, "MESSAGE_TOO_LARGE"},
        {7, "line 8: "},
        {9, "line 10: is longer than 1 MiB"}};
    for (const auto& [line, why] : bad) {
      EXPECT_THAT(lines[line], HasSubstr("\"row\":"));
      EXPECT_THAT(lines[line], HasSubstr(why));
      EXPECT_THAT(lines[line], HasSubstr("ROW_VERDICT_REJECTED"));
    }
    EXPECT_THAT(lines[3], HasSubstr("\"row\":\"40\"")) << "read before";
  }
}

TEST_F(StreamCallTest, BadFormsAreRefused) {
  EXPECT_EQ(Import("").status, 400);
  EXPECT_EQ(Import("not gzip", "Content-Encoding: gzip\r\n").status, 400);
  EXPECT_EQ(Import("{}", "Content-Encoding: br\r\n").status, 415);
  EXPECT_EQ(gateway_
                .Http("POST", "/v1/profiles:import",
                      auth_ + "Content-Type: application/json\r\n", "{}")
                .status,
            415);
  // 64 MiB and more of spaces in a few KB.
  EXPECT_THAT(
      Import(Gzip(std::string(80 << 20, '\n')), "Content-Encoding: gzip\r\n")
          .status,
      413);
}

TEST_F(StreamCallTest, DrainingEndsStreams) {
  gateway_.AnswerStream(
      kWatch,
      [&](rpc::CallContext& call,
          rpc::RawStream& raw) -> rpc::Task<absl::Status> {
        rpc::Stream<v1::WatchRefreshRequest, v1::Refresh> stream(raw);
        (void)co_await stream.Read();
        (void)co_await stream.Write(v1::Refresh());
        const auto start = [&call](std::function<void(bool)> done) {
          call.AddCancelHook([done] { done(true); });
        };
        (void)co_await rpc::Callback<bool>(start);
        co_return call.CheckAlive();
      });
  // Once the answer has begun: before that a drain refuses the call.
  std::latch begun(1);
  HttpAnswer answer;
  std::thread caller([&] {
    answer = gateway_.Raw(
        "GET /v1/refreshes/r-1:watch HTTP/1.1\r\nHost: x\r\n"
        "Connection: close\r\n" +
            auth_ + "\r\n",
        [&] { begun.count_down(); });
  });
  begun.wait();
  gateway_.http().Drain(absl::ZeroDuration());
  caller.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(Join(answer), HasSubstr("CANCELLED"));
}

}  // namespace
}  // namespace mitra::gateway
