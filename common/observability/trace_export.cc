#include "common/observability/trace_export.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/observability/http_post.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr absl::Duration kLastWords = absl::Seconds(1);
constexpr absl::Duration kMaxPause = absl::Seconds(60);

// Who decides whether a new trace is sampled, and whether a caller's decision
// counts.
struct Sampler {
  double ratio = 1;
  bool parent_based = true;
};

struct Settings {
  HttpTarget target;
  ClientTls tls;
  Pairs headers = {{"Content-Type", "application/json"}};
  Pairs resource;
  Sampler sampler;
  absl::Duration time_out = absl::Seconds(10);
  absl::Duration period = absl::Seconds(5);
  size_t max_queue = 2048;
  size_t max_batch = 512;
};

Counter& Spans(const char* outcome) {
  return Metrics().GetCounter("mitra_trace_spans_total",
                              "Sampled spans, by what became of them.",
                              {{"outcome", outcome}});
}

std::string Value(const TraceExporter::Environment& environment,
                  const std::string& name) {
  const auto it = environment.find(name);
  return it == environment.end()
             ? ""
             : std::string(absl::StripAsciiWhitespace(it->second));
}

// "a=b,c=d", percent escapes left as they are.
absl::StatusOr<Pairs> ReadPairs(const TraceExporter::Environment& environment,
                                const std::string& name) {
  Pairs pairs;
  const std::string text = Value(environment, name);
  for (absl::string_view item : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    const std::string key(absl::StripAsciiWhitespace(pair.first));
    const std::string value(absl::StripAsciiWhitespace(pair.second));
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
      return c >= 0x20 && c < 0x7f;
    });
    if (key.empty() || key.find_first_of(": \r\n") != std::string::npos ||
        !plain) {
      return InvalidField(name, "must be like key=value,key=value");
    }
    pairs.emplace_back(key, value);
  }
  return pairs;
}

absl::Status ReadNumber(const TraceExporter::Environment& environment,
                        const std::string& name, int64_t& number) {
  const std::string text = Value(environment, name);
  if (text.empty()) return absl::OkStatus();
  if (!absl::SimpleAtoi(text, &number) || number < 1 || number > 10'000'000) {
    return InvalidField(name, "must be a whole number above 0");
  }
  return absl::OkStatus();
}

absl::StatusOr<Sampler> ReadSampler(
    const TraceExporter::Environment& environment) {
  Sampler sampler;
  const std::string text = Value(environment, "OTEL_TRACES_SAMPLER");
  if (text.empty()) return sampler;
  absl::string_view name = text;
  sampler.parent_based = absl::ConsumePrefix(&name, "parentbased_");
  if (name == "always_on") return sampler;
  if (name == "always_off") {
    sampler.ratio = 0;
    return sampler;
  }
  if (name != "traceidratio") {
    return InvalidField("OTEL_TRACES_SAMPLER",
                        "must be always_on, always_off or traceidratio, or one "
                        "of them after parentbased_");
  }
  const std::string ratio = Value(environment, "OTEL_TRACES_SAMPLER_ARG");
  if (!ratio.empty() && (!absl::SimpleAtod(ratio, &sampler.ratio) ||
                         !(sampler.ratio >= 0 && sampler.ratio <= 1))) {
    return InvalidField("OTEL_TRACES_SAMPLER_ARG", "must be from 0 to 1");
  }
  return sampler;
}

absl::Status ReadTarget(const TraceExporter::Environment& environment,
                        Settings& settings) {
  const char* name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  std::string url = Value(environment, name);
  if (url.empty()) {
    name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    url = absl::StrCat(absl::StripSuffix(Value(environment, name), "/"),
                       "/v1/traces");
  }
  absl::StatusOr<HttpTarget> target = ParseHttpTarget(url);
  if (!target.ok()) return InvalidField(name, target.status().message());
  settings.target = *std::move(target);
  return absl::OkStatus();
}

// The value of OTEL_EXPORTER_OTLP_TRACES_`what`, or of the one for all signals.
std::string ForTraces(const TraceExporter::Environment& environment,
                      const std::string& what, std::string& name) {
  name = absl::StrCat("OTEL_EXPORTER_OTLP_TRACES_", what);
  std::string value = Value(environment, name);
  if (!value.empty()) return value;
  name = absl::StrCat("OTEL_EXPORTER_OTLP_", what);
  return Value(environment, name);
}

absl::Status ReadTls(const TraceExporter::Environment& environment,
                     Settings& settings) {
  ClientTls& tls = settings.tls;
  std::string name, other;
  tls.ca_file = ForTraces(environment, "CERTIFICATE", name);
  if (absl::Status s = CheckClientTls({.ca_file = tls.ca_file}); !s.ok()) {
    return InvalidField(name, s.message());
  }
  tls.key_file = ForTraces(environment, "CLIENT_KEY", other);
  tls.cert_file = ForTraces(environment, "CLIENT_CERTIFICATE", name);
  if (absl::Status s = CheckClientTls(tls); !s.ok()) {
    return InvalidField(name, s.message());
  }
  return absl::OkStatus();
}

absl::StatusOr<Settings> Read(absl::string_view service,
                              const TraceExporter::Environment& environment) {
  Settings settings;
  MITRA_RETURN_IF_ERROR(ReadTarget(environment, settings));
  if (settings.target.tls) {
    MITRA_RETURN_IF_ERROR(ReadTls(environment, settings));
  }
  MITRA_ASSIGN_OR_RETURN(const Pairs headers,
                         ReadPairs(environment, "OTEL_EXPORTER_OTLP_HEADERS"));
  settings.headers.insert(settings.headers.end(), headers.begin(),
                          headers.end());
  MITRA_ASSIGN_OR_RETURN(settings.resource,
                         ReadPairs(environment, "OTEL_RESOURCE_ATTRIBUTES"));
  std::string name = Value(environment, "OTEL_SERVICE_NAME");
  if (name.empty()) name = absl::StrCat("mitra-", service);
  settings.resource.emplace_back("service.name", name);
  MITRA_ASSIGN_OR_RETURN(settings.sampler, ReadSampler(environment));
  int64_t time_out = 10'000, period = 5000, queue = 2048, batch = 512;
  MITRA_RETURN_IF_ERROR(
      ReadNumber(environment, "OTEL_EXPORTER_OTLP_TIMEOUT", time_out));
  MITRA_RETURN_IF_ERROR(
      ReadNumber(environment, "OTEL_BSP_SCHEDULE_DELAY", period));
  MITRA_RETURN_IF_ERROR(
      ReadNumber(environment, "OTEL_BSP_MAX_QUEUE_SIZE", queue));
  MITRA_RETURN_IF_ERROR(
      ReadNumber(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batch));
  settings.time_out = absl::Milliseconds(time_out);
  settings.period = absl::Milliseconds(period);
  settings.max_queue = static_cast<size_t>(queue);
  settings.max_batch = static_cast<size_t>(std::min(batch, queue));
  return settings;
}

bool IsWorthRepeating(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

struct TraceExporter::Impl {
  explicit Impl(Settings given) : settings(std::move(given)) {}

  void Add(Span span) {
    absl::MutexLock lock(&mutex);
    if (stopping || queue.size() >= settings.max_queue) {
      Spans("dropped").Increment();
      return;
    }
    queue.push_back(std::move(span));
  }

  bool HasBatch() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return stopping || queue.size() >= settings.max_batch;
  }

  // The next spans; none if nothing came within a period.
  std::vector<Span> Take(bool& last) {
    absl::MutexLock lock(&mutex);
    mutex.AwaitWithTimeout(absl::Condition(this, &Impl::HasBatch),
                           settings.period);
    last = stopping;
    const size_t n = std::min(queue.size(), settings.max_batch);
    std::vector<Span> batch(
        std::make_move_iterator(queue.begin()),
        std::make_move_iterator(queue.begin() + static_cast<long>(n)));
    queue.erase(queue.begin(), queue.begin() + static_cast<long>(n));
    last = last && queue.empty();
    return batch;
  }

  // Whether the thread is to stop within `time`.
  bool StopsWithin(absl::Duration time) {
    absl::MutexLock lock(&mutex);
    return mutex.AwaitWithTimeout(absl::Condition(&stopping), time);
  }

  void Send(const std::vector<Span>& batch) {
    const std::string body = OtlpJson(settings.resource, batch);
    absl::Duration pause = absl::Seconds(1);
    for (int attempt = 0; attempt < 3; ++attempt) {
      const absl::Time limit = absl::Now() + settings.time_out;
      const auto until = [this, limit] {
        absl::MutexLock lock(&mutex);
        return std::min(limit, end);
      };
      const auto answer = HttpPost(settings.target, settings.tls,
                                   settings.headers, body, until);
      if (answer.ok() && answer->status / 100 == 2) {
        Spans("sent").Increment(batch.size());
        return;
      }
      if (answer.ok() && !IsWorthRepeating(answer->status)) break;
      if (answer.ok()) pause = std::max(pause, answer->retry_after);
      if (StopsWithin(std::min(pause, kMaxPause))) break;
      pause *= 2;
    }
    Spans("failed").Increment(batch.size());
    static LogLimiter limiter(absl::Minutes(1));
    if (limiter.Allow()) LogWarning("trace: the collector takes no spans");
  }

  void Run() {
    for (bool last = false; !last;) {
      const std::vector<Span> batch = Take(last);
      if (!batch.empty()) Send(batch);
    }
  }

  const Settings settings;
  absl::Mutex mutex;
  std::deque<Span> queue ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  absl::Time end ABSL_GUARDED_BY(mutex) = absl::InfiniteFuture();
  std::thread thread;
};

namespace {

std::atomic<bool> enabled{false};
absl::Mutex current_mutex;
std::shared_ptr<TraceExporter::Impl> current ABSL_GUARDED_BY(current_mutex);

std::shared_ptr<TraceExporter::Impl> Current() {
  absl::ReaderMutexLock lock(&current_mutex);
  return current;
}

bool Samples(const Sampler& sampler, const std::string& trace_id) {
  if (sampler.ratio >= 1) return true;
  uint64_t low = 0;
  // The last 7 bytes are the random ones (W3C trace context, level 2).
  if (!absl::SimpleHexAtoi(trace_id.substr(18), &low)) return false;
  return static_cast<double>(low) < sampler.ratio * 0x1p56;
}

}  // namespace

bool TracingEnabled() { return enabled.load(std::memory_order_relaxed); }

TraceContext StartSpan(absl::string_view traceparent, std::string& parent_id) {
  const std::shared_ptr<TraceExporter::Impl> exporter = Current();
  const auto parent = ParseTraceparent(traceparent);
  TraceContext span = parent ? ChildSpan(*parent) : NewTrace();
  parent_id = parent ? parent->span_id : "";
  const Sampler sampler =
      exporter == nullptr ? Sampler{0, true} : exporter->settings.sampler;
  if (!parent || !sampler.parent_based) {
    const bool sampled = Samples(sampler, span.trace_id);
    span.flags = static_cast<uint8_t>((span.flags & ~1) | (sampled ? 1 : 0));
  }
  return span;
}

void ExportSpan(Span span) {
  if (!TracingEnabled() || (span.context.flags & 1) == 0) return;
  if (const auto exporter = Current()) exporter->Add(std::move(span));
}

absl::StatusOr<std::unique_ptr<TraceExporter>> TraceExporter::Start(
    absl::string_view service, const Environment& environment) {
  if (absl::EqualsIgnoreCase(Value(environment, "OTEL_SDK_DISABLED"), "true") ||
      Value(environment, "OTEL_TRACES_EXPORTER") == "none" ||
      (Value(environment, "OTEL_EXPORTER_OTLP_ENDPOINT").empty() &&
       Value(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").empty())) {
    return std::unique_ptr<TraceExporter>();
  }
  MITRA_ASSIGN_OR_RETURN(Settings settings, Read(service, environment));
  for (const char* outcome : {"sent", "dropped", "failed"})
    (void)Spans(outcome);
  auto impl = std::make_shared<Impl>(std::move(settings));
  impl->thread = std::thread([raw = impl.get()] { raw->Run(); });
  {
    absl::MutexLock lock(&current_mutex);
    current = impl;
  }
  enabled.store(true);
  return std::unique_ptr<TraceExporter>(new TraceExporter(std::move(impl)));
}

TraceExporter::TraceExporter(std::shared_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

TraceExporter::~TraceExporter() {
  enabled.store(false);
  {
    absl::MutexLock lock(&current_mutex);
    if (current == impl_) current = nullptr;
  }
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
    impl_->end = absl::Now() + kLastWords;
  }
  impl_->thread.join();
}

std::string OtlpJson(const Pairs& resource, const std::vector<Span>& spans) {
  using Json = nlohmann::json;
  const auto text = [](const std::string& key, const std::string& value) {
    return Json{{"key", key}, {"value", {{"stringValue", value}}}};
  };
  Json attributes = Json::array();
  for (const auto& [key, value] : resource) {
    attributes.push_back(text(key, value));
  }
  Json list = Json::array();
  for (const Span& span : spans) {
    Json json = {
        {"traceId", span.context.trace_id},
        {"spanId", span.context.span_id},
        {"name", std::string(absl::StripPrefix(span.name, "/"))},
        {"kind", 2},  // SPAN_KIND_SERVER
        {"startTimeUnixNano", absl::StrCat(absl::ToUnixNanos(span.start))},
        {"endTimeUnixNano", absl::StrCat(absl::ToUnixNanos(span.end))},
        {"attributes",
         {text("rpc.system", "grpc"),
          text("mitra.code", absl::StatusCodeToString(span.code)),
          text("mitra.request_id", span.request_id)}}};
    if (!span.parent_id.empty()) json["parentSpanId"] = span.parent_id;
    if (span.code != absl::StatusCode::kOk) json["status"] = {{"code", 2}};
    list.push_back(std::move(json));
  }
  const Json scope = {{"scope", {{"name", "mitra"}}}, {"spans", list}};
  return Json{{"resourceSpans",
               Json::array({{{"resource", {{"attributes", attributes}}},
                             {"scopeSpans", Json::array({scope})}}})}}
      .dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace mitra
