// Documents that the gateway serves as they are: the API's description and the
// console.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_DOCUMENTS_H_
#define MITRA_SERVICES_GATEWAY_HTTP_DOCUMENTS_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/http/http_server.h"

namespace mitra::gateway {

// Held in memory, so that no request can reach another file. Safe for
// concurrent use once it is filled.
class Documents {
 public:
  // `path` as it stands in a request, "/openapi.json".
  void Add(const std::string& path, std::string content_type, std::string body);
  // One file. NOT_FOUND if it cannot be read.
  absl::Status AddFile(const std::string& path, const std::string& file);
  // All files below a folder, "a/b.mjs" as `prefix` + "a/b.mjs"; index.html
  // also as its folder. Files of a kind that browsers do not need, and those
  // whose name begins with a dot, are left out. NOT_FOUND if there is no such
  // folder.
  absl::Status AddFolder(const std::string& prefix, const std::string& folder);
  // Sends GET and HEAD of `path` on to `target` (308).
  void AddRedirect(const std::string& path, std::string target);

  // The answer to GET or HEAD of `path`, 304 if `request` has the document
  // already; false if there is no such document.
  bool Answer(const HttpRequest& request, absl::string_view path,
              HttpResponse& response) const;

 private:
  struct Document {
    std::string content_type;
    std::string body;
    std::string etag;
    std::string redirect;  // empty: none
    // The body packed with gzip; empty if that saves nothing.
    std::string packed;
  };
  absl::flat_hash_map<std::string, Document> documents_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_DOCUMENTS_H_
