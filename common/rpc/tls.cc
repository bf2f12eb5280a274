#include "common/rpc/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mitra::rpc::internal {
namespace {

constexpr unsigned kRefreshSeconds = 1;

// Takes the other end only if its certificate, which is good otherwise, bears
// one of the names. No names: any.
class NameVerifier final
    : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit NameVerifier(std::vector<std::string> names)
      : names_(std::move(names)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    const auto known = [this](const std::vector<grpc::string_ref>& given) {
      return std::any_of(given.begin(), given.end(), [this](const auto& name) {
        return std::find(names_.begin(), names_.end(),
                         std::string(name.data(), name.size())) != names_.end();
      });
    };
    const bool good = names_.empty() || known(request->dns_names()) ||
                      known(request->uri_names());
    *status = good ? grpc::Status::OK
                   : grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                  "the certificate bears no name that is "
                                  "expected here");
    return true;  // decided at once
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {
  }

 private:
  const std::vector<std::string> names_;
};

std::shared_ptr<grpc::experimental::CertificateVerifier> VerifierOf(
    const std::vector<std::string>& names) {
  using grpc::experimental::ExternalCertificateVerifier;
  return ExternalCertificateVerifier::Create<NameVerifier>(names);
}

std::shared_ptr<grpc::experimental::CertificateProviderInterface> ProviderOf(
    const TlsFiles& files) {
  return std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key_file, files.cert_file, files.ca_file, kRefreshSeconds);
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> ServerCredentialsOf(
    const TlsFiles& files) {
  if (files.cert_file.empty()) return grpc::InsecureServerCredentials();
  grpc::experimental::TlsServerCredentialsOptions options(ProviderOf(files));
  options.watch_identity_key_cert_pairs();
  if (!files.ca_file.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.set_certificate_verifier(VerifierOf(files.peers));
  }
  return grpc::experimental::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(
    const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(ProviderOf(files));
  if (!files.ca_file.empty()) options.watch_root_certs();
  if (!files.cert_file.empty()) options.watch_identity_key_cert_pairs();
  if (!files.peers.empty()) {
    options.set_certificate_verifier(VerifierOf(files.peers));
    options.set_check_call_host(false);
  }
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace mitra::rpc::internal
