#include "services/gateway/http/stream_cursor.h"

#include <gtest/gtest.h>

#include "common/status/status_matchers.h"
#include "mitra/v1/events_service.pb.h"
#include "mitra/v1/refreshes_service.pb.h"

namespace mitra::gateway {
namespace {

const google::protobuf::MethodDescriptor& Method(
    const google::protobuf::Descriptor* in, const char* name) {
  const auto* file = in->file();
  for (int i = 0; i < file->service_count(); ++i) {
    const auto* method = file->service(i)->FindMethodByName(name);
    if (method != nullptr) return *method;
  }
  std::abort();
}

const google::protobuf::MethodDescriptor& Events() {
  return Method(v1::WatchEventsRequest::descriptor(), "WatchEvents");
}

TEST(StreamCursorTest, AnEventSaysWhereToGoOn) {
  const StreamCursor cursor(Events());
  ASSERT_TRUE(cursor.known());
  v1::WatchEventsResponse answer;
  answer.set_record_incarnation(18446744073709551615u);
  answer.set_revision(42);
  const std::string id = cursor.IdOf(answer);
  EXPECT_EQ(id, "18446744073709551615-42");
  v1::WatchEventsRequest request;
  request.set_from_now(true);
  request.add_kinds(v1::EVENT_KIND_MEMBER);
  MITRA_ASSERT_OK(cursor.Resume(id, request));
  EXPECT_EQ(request.after_revision(), 42u);
  EXPECT_EQ(request.record_incarnation(), 18446744073709551615u);
  EXPECT_FALSE(request.from_now());
  EXPECT_EQ(request.kinds_size(), 1);
}

TEST(StreamCursorTest, RefusesWhatIsNoId) {
  const StreamCursor cursor(Events());
  for (const char* bad : {"", "7", "-7", "7-", "a-b", "7-8-9", "7--8",
                          "18446744073709551616-1"}) {
    v1::WatchEventsRequest request;
    EXPECT_THAT(cursor.Resume(bad, request), HasReason("INVALID_FIELD")) << bad;
  }
}

TEST(StreamCursorTest, OtherStreamsHaveNone) {
  const StreamCursor cursor(
      Method(v1::WatchRefreshRequest::descriptor(), "WatchRefresh"));
  EXPECT_FALSE(cursor.known());
  EXPECT_EQ(cursor.IdOf(v1::Refresh()), "");
}

}  // namespace
}  // namespace mitra::gateway
