#include "services/gateway/api/api_page.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/version.h"
#include "common/status/errors.h"
#include "services/gateway/api/error_catalogue.h"
#include "services/gateway/http/error_body.h"

namespace mitra::gateway {
namespace {

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// A comment as paragraphs, its list items as lines.
std::string Prose(absl::string_view comment) {
  std::string html;
  for (absl::string_view paragraph : absl::StrSplit(comment, "\n\n")) {
    absl::StrAppend(&html, "<p>",
                    absl::StrReplaceAll(Escape(paragraph), {{"\n", "<br>"}}),
                    "</p>\n");
  }
  return html;
}

const char* RepeatText(Repeat repeat) {
  switch (repeat) {
    case Repeat::kNever:
      return "no";
    case Repeat::kChange:
      return "after reading again";
    case Repeat::kLater:
      return "later";
  }
  return "no";
}

void AddMethod(const Method& method, const ProtoDocs& docs, std::string& html) {
  const auto& descriptor = *method.descriptor;
  absl::StrAppend(&html, "<article id=\"", descriptor.full_name(), "\"><h3>",
                  descriptor.name(), "</h3>\n<p class=\"ways\">");
  for (const HttpBinding& binding : method.bindings) {
    absl::StrAppend(&html, "<code><b>", binding.verb, "</b> ",
                    Escape(binding.path), "</code><br>");
  }
  absl::StrAppend(&html, "<code><b>gRPC</b> ", method.name, "</code></p>\n",
                  Prose(docs.CommentOf(descriptor)),
                  "<p class=\"policy\">scope <code>", method.policy.scope(),
                  "</code> · cost ", method.policy.cost(), " · deadline ",
                  method.policy.default_timeout_ms(), " ms, at most ",
                  method.policy.max_timeout_ms(), " ms · ",
                  method.open_to_members() ? "open" : "closed",
                  " to credentials of members</p></article>\n");
}

void AddErrors(std::string& html) {
  absl::StrAppend(
      &html,
      "<section id=\"errors\"><h2>Errors</h2>\n<p>Every failure has one shape "
      "and one of these reasons in its <code>ErrorInfo</code>.</p>\n<table>"
      "<thead><tr><th>Reason<th>HTTP<th>Again?<th>Meaning<th lang=\"id\">Kata "
      "untuk pengguna</thead><tbody>\n");
  for (const ErrorReason& reason : ErrorReasons()) {
    const absl::Status example =
        MakeError(reason.code, reason.reason, reason.meaning);
    absl::StrAppend(&html, "<tr><td><code>", reason.reason, "</code><td>",
                    HttpStatusOf(example), "<td>", RepeatText(reason.repeat),
                    "<td>", Escape(reason.meaning), "<td lang=\"id\">",
                    Escape(reason.for_person), "\n");
  }
  absl::StrAppend(&html, "</tbody></table></section>\n");
}

}  // namespace

std::string ApiPage(const MethodTable& methods, const ProtoDocs& docs) {
  std::string index;
  std::string body;
  std::string service;
  for (const auto& method : methods.methods()) {
    const auto& owner = *method->descriptor->service();
    if (owner.full_name() != service) {
      if (!service.empty()) absl::StrAppend(&body, "</section>\n");
      service = owner.full_name();
      absl::StrAppend(&index, "<li><a href=\"#", service, "\">", owner.name(),
                      "</a>");
      absl::StrAppend(&body, "<section id=\"", service, "\"><h2>", owner.name(),
                      "</h2>\n", Prose(docs.CommentOf(owner)));
    }
    AddMethod(*method, docs, body);
  }
  absl::StrAppend(&body, "</section>\n");
  AddErrors(body);
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\">"
      "<title>Mitra API</title><link rel=\"stylesheet\" "
      "href=\"/docs/style.css\"></head>\n<body><header><h1>Mitra API ",
      kVersion,
      "</h1><p>Send an API key as <code>Authorization: Bearer …</code>. The "
      "same as OpenAPI: <a href=\"/openapi.json\">openapi.json</a>.</p>"
      "<nav><ul>",
      index, "<li><a href=\"#errors\">Errors</a></ul></nav></header>\n<main>",
      body, "</main></body></html>\n");
}

std::string ApiPageStyle() {
  return R"(:root { color-scheme: light dark; }
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; }
h2 { margin-top: 3rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
h3 { margin: 2rem 0 .25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0;
  list-style: none; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.ways { margin: 0 0 .5rem; }
.policy { font-size: .875rem; opacity: .8; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
section { overflow-x: auto; }
)";
}

}  // namespace mitra::gateway
