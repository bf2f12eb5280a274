#include "services/gateway/http/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/security/openssl_handles.h"
#include "common/security/private_file.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/gateway/edge/reloaded_file.h"

namespace mitra::gateway {
namespace {

using openssl::Bio;
using openssl::Free;
using openssl::Key;
void FreeChain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }

using Chain = std::unique_ptr<STACK_OF(X509), Free<FreeChain>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Store = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;

// What one version of the files says.
struct Material {
  Chain certs;  // ours first
  Key key;
  Store authorities;  // null: clients need no certificate
};

absl::StatusOr<Chain> ReadCertificates(const std::string& path) {
  MITRA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path));
  const Bio bio = openssl::ReaderOf(text);
  Chain chain(sk_X509_new_null());
  while (X509* cert = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(chain.get(), cert);
  }
  ERR_clear_error();  // the end of the file is one
  return chain;
}

absl::StatusOr<std::shared_ptr<const Material>> Load(
    const TlsFiles& files, const std::string& section) {
  MITRA_RETURN_IF_ERROR(CheckTlsFiles(files, section, absl::Now()));
  auto material = std::make_shared<Material>();
  MITRA_ASSIGN_OR_RETURN(material->certs, ReadCertificates(files.cert_file));
  MITRA_ASSIGN_OR_RETURN(const std::string key, ReadWholeFile(files.key_file));
  const Bio bio = openssl::ReaderOf(key);
  material->key.reset(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!files.ca_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(const Chain roots, ReadCertificates(files.ca_file));
    material->authorities.reset(X509_STORE_new());
    for (int i = 0; i < sk_X509_num(roots.get()); ++i) {
      X509_STORE_add_cert(material->authorities.get(),
                          sk_X509_value(roots.get(), i));
    }
  }
  return std::shared_ptr<const Material>(std::move(material));
}

// Whether the certificate bears one of `names` (DNS or URI).
bool Bears(X509* cert, const std::vector<std::string>& names) {
  const openssl::Names given = openssl::NamesOf(cert);
  for (int i = 0; given && i < sk_GENERAL_NAME_num(given.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(given.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->type == GEN_DNS
                                     ? name->d.dNSName
                                     : name->d.uniformResourceIdentifier;
    const std::string value(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
        static_cast<size_t>(ASN1_STRING_length(text)));
    if (std::find(names.begin(), names.end(), value) != names.end()) {
      return true;
    }
  }
  return false;
}

// Where a context keeps its Impl; the "app data" is asio's.
int OwnIndex() {
  static const int index =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int SelectHttp(SSL*, const unsigned char** out, unsigned char* out_size,
               const unsigned char* in, unsigned in_size, void*) {
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  const int found = SSL_select_next_proto(const_cast<unsigned char**>(out),
                                          out_size, kHttp, 9, in, in_size);
  // A client that only wants h2 would not understand us.
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                         : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct TlsContext::Impl {
  TlsFiles files;
  std::string section;
  absl::Duration look;
  Context context;
  absl::Mutex mutex;
  std::shared_ptr<const Material> material ABSL_GUARDED_BY(mutex);
  std::string stamp ABSL_GUARDED_BY(mutex);
  absl::Time next_look ABSL_GUARDED_BY(mutex) = absl::InfinitePast();

  std::string Stamp() const {
    return absl::StrCat(internal::FileStamp(files.cert_file), ",",
                        internal::FileStamp(files.key_file), ",",
                        internal::FileStamp(files.ca_file));
  }

  std::shared_ptr<const Material> Current() {
    absl::MutexLock lock(&mutex);
    const absl::Time now = absl::Now();
    if (now < next_look) return material;
    next_look = now + look;
    std::string now_stamp = Stamp();
    if (now_stamp == stamp) return material;
    auto loaded = Load(files, section);
    // A pair may be half written: then it is looked at again.
    internal::LogReload(files.cert_file, loaded.status());
    if (loaded.ok()) {
      material = *std::move(loaded);
      stamp = std::move(now_stamp);
    }
    return material;
  }

  // Called for every full handshake, before anything is sent.
  static int Equip(SSL* ssl, void* arg) {
    auto* self = static_cast<Impl*>(arg);
    const std::shared_ptr<const Material> now = self->Current();
    STACK_OF(X509)* certs = now->certs.get();
    SSL_certs_clear(ssl);
    if (SSL_use_certificate(ssl, sk_X509_value(certs, 0)) != 1 ||
        SSL_use_PrivateKey(ssl, now->key.get()) != 1) {
      return 0;
    }
    for (int i = 1; i < sk_X509_num(certs); ++i) {
      SSL_add1_chain_cert(ssl, sk_X509_value(certs, i));
    }
    if (now->authorities) {
      SSL_set1_verify_cert_store(ssl, now->authorities.get());
    }
    return 1;
  }

  static int Verify(int good, X509_STORE_CTX* check) {
    if (good != 1 || X509_STORE_CTX_get_error_depth(check) > 0) return good;
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(
        check, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto* self = static_cast<Impl*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), OwnIndex()));
    if (self->files.peers.empty() ||
        Bears(X509_STORE_CTX_get_current_cert(check), self->files.peers)) {
      return 1;
    }
    X509_STORE_CTX_set_error(check, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Create(
    TlsFiles files, std::string section, absl::Duration look) {
  auto impl = std::make_unique<Impl>();
  impl->files = std::move(files);
  impl->section = std::move(section);
  impl->look = look;
  {
    absl::MutexLock lock(&impl->mutex);
    impl->stamp = impl->Stamp();
    MITRA_ASSIGN_OR_RETURN(impl->material, Load(impl->files, impl->section));
  }
  impl->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = impl->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_ex_data(context, OwnIndex(), impl.get());
  SSL_CTX_set_cert_cb(context, Impl::Equip, impl.get());
  SSL_CTX_set_alpn_select_cb(context, SelectHttp, nullptr);
  if (!impl->files.ca_file.empty()) {
    SSL_CTX_set_verify(context,
                       SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       Impl::Verify);
    // A resumed session would not be checked against today's authorities.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

ssl_ctx_st* TlsContext::NewReference() const {
  SSL_CTX_up_ref(impl_->context.get());
  return impl_->context.get();
}

}  // namespace mitra::gateway
