// gRPC's credentials from certificate files. Internal to common/rpc.
//
// The files are looked at again every second, so a certificate is changed by
// writing its key and then itself; connections that are open stay. Between the
// two writes handshakes fail and are tried again. TLS 1.2 and 1.3 only.

#ifndef MITRA_COMMON_RPC_TLS_H_
#define MITRA_COMMON_RPC_TLS_H_

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "common/security/tls_files.h"

namespace mitra::rpc::internal {

// For all addresses but unix sockets, which file permissions protect. Without
// files: plaintext.
std::shared_ptr<grpc::ServerCredentials> ServerCredentialsOf(
    const TlsFiles& files);
std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(
    const TlsFiles& files);

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_TLS_H_
