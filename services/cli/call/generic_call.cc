#include "services/cli/call/generic_call.h"

#include <grpcpp/generic/generic_stub.h>

#include <cstdint>
#include <vector>

namespace mitra::cli {
namespace {

enum Tag : intptr_t { kStarted = 1, kWritten, kRead, kFinished };

void* Of(Tag tag) { return reinterpret_cast<void*>(tag); }

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  (void)buffer.Dump(&slices);
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

grpc::Status RunGenericCall(const std::shared_ptr<grpc::Channel>& channel,
                            grpc::ClientContext& context,
                            const std::string& method,
                            const RequestSource& requests,
                            const ResponseSink& responses) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  auto stream = stub.PrepareCall(&context, method, &queue);
  grpc::ByteBuffer incoming;
  grpc::Status status;
  bool writing_done = false;
  const auto write_next = [&] {
    const std::optional<std::string> request = requests();
    if (request) {
      stream->Write(ToBuffer(*request), Of(kWritten));
    } else {
      writing_done = true;
      stream->WritesDone(Of(kWritten));
    }
  };
  stream->StartCall(Of(kStarted));
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    switch (static_cast<Tag>(reinterpret_cast<intptr_t>(tag))) {
      case kStarted:
        if (!ok) {
          stream->Finish(&status, Of(kFinished));
          break;
        }
        stream->Read(&incoming, Of(kRead));
        write_next();
        break;
      case kWritten:
        // A failed write means that the call is over; the read says so too.
        if (ok && !writing_done) write_next();
        break;
      case kRead:
        if (ok) {
          responses(ToBytes(incoming));
          incoming.Clear();
          stream->Read(&incoming, Of(kRead));
        } else {
          stream->Finish(&status, Of(kFinished));
        }
        break;
      case kFinished:
        queue.Shutdown();
        break;
    }
  }
  return status;
}

}  // namespace mitra::cli
