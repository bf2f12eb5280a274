// The change feed over gRPC.

#ifndef MITRA_COMMON_FEED_GRPC_FEED_SOURCE_H_
#define MITRA_COMMON_FEED_GRPC_FEED_SOURCE_H_

#include <memory>

#include "common/feed/follower.h"
#include "common/rpc/channel.h"

namespace mitra::feed {

// A source that reads from the profile service behind `channel`.
std::unique_ptr<FeedSource> NewGrpcFeedSource(
    std::shared_ptr<rpc::Channel> channel);

}  // namespace mitra::feed

#endif  // MITRA_COMMON_FEED_GRPC_FEED_SOURCE_H_
