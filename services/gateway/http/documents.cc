#include "services/gateway/http/documents.h"

#include <xxhash.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/gateway/http/gzip.h"
#include "services/gateway/http/negotiation.h"

namespace mitra::gateway {
namespace {

constexpr std::pair<absl::string_view, absl::string_view> kTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".webmanifest", "application/manifest+json"},
};

absl::string_view TypeOf(absl::string_view file) {
  for (const auto& [ending, type] : kTypes) {
    if (absl::EndsWith(file, ending)) return type;
  }
  return {};
}

absl::Status Unreadable(absl::string_view path) {
  return MakeError(absl::StatusCode::kNotFound, "CONFIG_UNREADABLE",
                   absl::StrCat(path, ": cannot be read"));
}

}  // namespace

void Documents::Add(const std::string& path, std::string content_type,
                    std::string body) {
  const std::string etag = absl::StrCat(
      "\"", absl::Hex(XXH3_64bits(body.data(), body.size())), "\"");
  std::string packed = Gzip(body);
  if (packed.size() >= body.size()) packed.clear();
  documents_[path] = {std::move(content_type), std::move(body), etag, "",
                      std::move(packed)};
}

void Documents::AddRedirect(const std::string& path, std::string target) {
  documents_[path].redirect = std::move(target);
}

absl::Status Documents::AddFile(const std::string& path,
                                const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  if (!in) return Unreadable(file);
  Add(path, std::string(TypeOf(file)), bytes.str());
  return absl::OkStatus();
}

absl::Status Documents::AddFolder(const std::string& prefix,
                                  const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.front() == '.') {
      if (it->is_directory(error)) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file(error) || TypeOf(name).empty()) continue;
    const std::string path =
        prefix + fs::relative(it->path(), folder, error).generic_string();
    MITRA_RETURN_IF_ERROR(AddFile(path, it->path().string()));
    if (name == "index.html") {
      Document index = documents_[path];
      documents_[path.substr(0, path.size() - name.size())] = std::move(index);
    }
  }
  if (error) return Unreadable(folder);
  return absl::OkStatus();
}

bool Documents::Answer(const HttpRequest& request, absl::string_view path,
                       HttpResponse& response) const {
  if (request.verb != "GET" && request.verb != "HEAD") return false;
  const auto it = documents_.find(path);
  if (it == documents_.end()) return false;
  const Document& document = it->second;
  if (!document.redirect.empty()) {
    response.status = 308;
    response.headers = {{"Location", document.redirect},
                        {"Cache-Control", "no-cache"}};
    return true;
  }
  response.headers = {
      {"Content-Type", document.content_type},
      {"ETag", document.etag},
      {"Cache-Control", "no-cache"},
      {"Content-Security-Policy",
       "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
       "form-action 'self'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}};
  const bool pack = !document.packed.empty() &&
                    AcceptsGzip(request.Header("accept-encoding"));
  if (!document.packed.empty()) {
    response.headers.emplace_back("Vary", "Accept-Encoding");
  }
  if (NamesEtag(request.Header("if-none-match"), document.etag)) {
    response.status = 304;
    return true;
  }
  if (pack) response.headers.emplace_back("Content-Encoding", "gzip");
  const std::string& body = pack ? document.packed : document.body;
  if (request.verb == "GET") {
    response.body = body;
  } else {
    response.content_length = body.size();
  }
  return true;
}

}  // namespace mitra::gateway
