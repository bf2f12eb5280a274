#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/status/errors.h"
#include "services/cli/commands/commands.h"
#include "services/cli/commands/import_stream.h"
#include "services/cli/input/csv.h"
#include "services/cli/input/line_reader.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/progress.h"
#include "services/cli/output/style.h"

namespace mitra::cli {
namespace {

constexpr size_t kReasonsShown = 20;
constexpr size_t kMaxDeferred = 1'000'000;

struct Options {
  std::vector<std::string> files;
  std::string format = "auto";
  std::string kind = "profile";
  bool dry_run = false;
  bool resume = false;
  int patience = 60;
};

// Counts verdicts; shared by the reading and the writing thread.
class Ledger {
 public:
  void Reject(uint64_t row, absl::string_view id, absl::string_view reason) {
    absl::MutexLock lock(&mutex_);
    ++rejected_;
    if (reasons_.size() < kReasonsShown) {
      reasons_.push_back(Printable(absl::StrCat(
          "line ", row, id.empty() ? "" : ", ", id, ": ", reason)));
    }
  }
  void Count(v1::RowVerdict verdict) {
    absl::MutexLock lock(&mutex_);
    ++verdicts_[verdict];
  }
  void Blank(uint64_t n = 1) {
    absl::MutexLock lock(&mutex_);
    blank_ += n;
  }
  void Skip() {
    absl::MutexLock lock(&mutex_);
    ++skipped_;
  }
  uint64_t rejected() const {
    absl::MutexLock lock(&mutex_);
    return rejected_;
  }
  void Print() const {
    absl::MutexLock lock(&mutex_);
    uint64_t accepted = 0;
    std::string detail;
    for (const auto& [verdict, count] : verdicts_) {
      accepted += count;
      absl::StrAppend(&detail, detail.empty() ? "" : ", ", count, " ",
                      absl::AsciiStrToLower(v1::RowVerdict_Name(verdict).substr(
                          sizeof("ROW_VERDICT_") - 1)));
    }
    std::cout << "accepted " << accepted
              << (detail.empty() ? "" : " (" + detail + ")") << ", rejected "
              << rejected_ << ", blank " << blank_;
    if (skipped_ > 0) std::cout << ", done before " << skipped_;
    std::cout << ", rows " << accepted + rejected_ + blank_ + skipped_ << "\n";
    for (const std::string& reason : reasons_) {
      std::cerr << "  rejected " << reason << "\n";
    }
    if (rejected_ > reasons_.size()) {
      std::cerr << "  and " << rejected_ - reasons_.size() << " more\n";
    }
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<v1::RowVerdict, uint64_t> verdicts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> reasons_ ABSL_GUARDED_BY(mutex_);
  uint64_t rejected_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t blank_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t skipped_ ABSL_GUARDED_BY(mutex_) = 0;
};

v1::ImportRequest RequestOf(uint64_t row, Row record, bool dry_run) {
  v1::ImportRequest request;
  request.set_row(row);
  request.set_validate_only(dry_run);
  if (auto* profile = std::get_if<v1::Profile>(&record)) {
    request.mutable_profile()->Swap(profile);
  } else if (auto* evidence = std::get_if<v1::Evidence>(&record)) {
    request.mutable_evidence()->Swap(evidence);
  } else if (auto* consent = std::get_if<v1::Consent>(&record)) {
    request.mutable_consent()->Swap(consent);
  } else {
    request.mutable_block()->Swap(&std::get<v1::Block>(record));
  }
  return request;
}

// Rows that came before the members that they name; they are sent once more
// when all others are in, so that a file may have any order.
class Deferred {
 public:
  // True if the row is kept for later.
  bool Take(v1::ImportRequest& row, const v1::RowResult& result) {
    if (row.has_profile() || closed_ || rows_.size() >= kMaxDeferred ||
        ReasonOf(FromRpcStatus(result.status())) != "PROFILE_NOT_FOUND") {
      return false;
    }
    rows_.emplace_back();
    rows_.back().Swap(&row);
    return true;
  }
  // Nothing is kept from now on. The rows so far.
  std::vector<v1::ImportRequest> Close() {
    closed_ = true;
    return std::move(rows_);
  }
  // The first row that waits; 0 for none.
  uint64_t first() const { return rows_.empty() ? 0 : rows_.front().row(); }

 private:
  std::vector<v1::ImportRequest> rows_;
  bool closed_ = false;
};

// Where a later run goes on: a small file beside the imported one.
class Bookmark {
 public:
  explicit Bookmark(const std::string& file) : path_(file + ".progress") {}

  // Rows up to here were done by an earlier run.
  uint64_t Read() const {
    std::ifstream in(path_);
    uint64_t row = 0;
    in >> row;
    return in ? row : 0;
  }
  void Write(uint64_t row) {
    if (row == written_ || absl::Now() < next_) return;
    written_ = row;
    next_ = absl::Now() + absl::Seconds(1);
    const std::string partial = path_ + ".partial";
    {
      std::ofstream out(partial);
      out << row << "\n";
      if (!out.flush()) return;
    }
    (void)std::rename(partial.c_str(), path_.c_str());
  }
  void Remove() const { (void)std::remove(path_.c_str()); }

 private:
  const std::string path_;
  uint64_t written_ = 0;
  absl::Time next_ = absl::InfinitePast();
};

// While a file is being read, somebody who stops it is told how to go on.
class Interruption {
 public:
  explicit Interruption(bool marked) {
    struct sigaction action = {};
    action.sa_handler = marked ? SayResume : SayAgain;
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, &before_);
  }
  ~Interruption() { sigaction(SIGINT, &before_, nullptr); }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

 private:
  // Only what a signal's handler may do.
  static void Say(const char* text, int signal) {
    (void)!write(STDERR_FILENO, text, std::strlen(text));
    (void)raise(signal);  // to the handler that was there before any
  }
  static void SayResume(int signal) {
    Say("\nmitra: interrupted; the same command goes on after the last row "
        "that was confirmed\n",
        signal);
  }
  static void SayAgain(int signal) {
    Say("\nmitra: interrupted; rows that were sent are kept, and sending them "
        "again changes nothing\n",
        signal);
  }

  struct sigaction before_ = {};
};

// About how many rows a file has, for the progress bar; 0 if it cannot be read
// twice.
uint64_t LinesOf(const std::string& file) {
  std::error_code error;
  if (file == "-" || !std::filesystem::is_regular_file(file, error)) return 0;
  std::ifstream in(file, std::ios::binary);
  std::vector<char> buffer(1 << 20);
  uint64_t lines = 0;
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         in.gcount() > 0) {
    lines += static_cast<uint64_t>(
        std::count(buffer.begin(), buffer.begin() + in.gcount(), '\n'));
  }
  return lines;
}

class Importer {
 public:
  Importer(const Connection& connection, const Options& options)
      : connection_(connection), options_(options) {}

  int Run() {
    for (const std::string& file : options_.files) {
      const int code = RunFile(file);
      if (code != kOk) return code;
    }
    return failed_ ? kFailed : kOk;
  }

 private:
  bool IsCsv(const std::string& file) const {
    return options_.format == "csv" ||
           (options_.format == "auto" && absl::EndsWith(file, ".csv"));
  }

  int RunFile(const std::string& file) {
    std::ifstream opened;
    if (file != "-") {
      opened.open(file, std::ios::binary);
      std::error_code ignored;
      const bool folder = std::filesystem::is_directory(file, ignored);
      if (!opened || folder) {
        std::cerr << "mitra: cannot read " << file
                  << (folder ? ", it is a folder" : "") << "\n";
        return kUsage;
      }
    }
    std::istream& in = file == "-" ? std::cin : opened;
    Bookmark bookmark(file);
    const bool marked = options_.resume && file != "-" && !options_.dry_run;
    const uint64_t done = marked ? bookmark.Read() : 0;
    if (done > 0) std::cerr << "mitra: going on after line " << done << "\n";
    Ledger ledger;
    Deferred deferred;
    absl::Mutex mutex;
    uint64_t reached = 0;  // every row up to here has its verdict
    const auto take_verdict = [&](v1::ImportRequest& row,
                                  const v1::RowResult& result) {
      absl::MutexLock lock(&mutex);
      const uint64_t number = row.row();
      const bool rejected = result.verdict() == v1::ROW_VERDICT_REJECTED;
      if (rejected && !deferred.Take(row, result)) {
        ledger.Reject(result.row(), result.id(), result.status().message());
      } else if (!rejected) {
        ledger.Count(result.verdict());
      }
      const uint64_t waits = deferred.first();
      reached = waits == 0 ? std::max(reached, number) : waits - 1;
    };
    const Interruption told(marked);
    ImportStream stream(connection_, absl::Seconds(options_.patience),
                        take_verdict);
    grpc::Status status;
    {
      Progress progress("import", "rows", LinesOf(file));
      const auto mark = [&] {
        progress.Update(stream.confirmed());
        if (!marked) return;
        absl::MutexLock lock(&mutex);
        bookmark.Write(std::max(done, reached));
      };
      const auto take = [&](uint64_t row, absl::StatusOr<Row> record) {
        if (row <= done) {
          ledger.Skip();
          return true;
        }
        if (row % 64 == 0) mark();
        if (!record.ok()) {
          ledger.Reject(row, "", record.status().message());
          return true;
        }
        return stream.Send(
            RequestOf(row, *std::move(record), options_.dry_run));
      };
      const absl::Status read =
          IsCsv(file) ? ReadCsv(in, ledger, take) : ReadLines(in, ledger, take);
      if (stream.Drain()) {
        std::vector<v1::ImportRequest> late;
        {
          absl::MutexLock lock(&mutex);
          late = deferred.Close();
        }
        for (v1::ImportRequest& row : late) {
          if (!stream.Send(std::move(row))) break;
        }
      }
      status = stream.Finish();
      progress.Update(stream.confirmed());
      if (!read.ok()) {
        std::cerr << "mitra: " << file << ": "
                  << Printable(std::string(read.message())) << "\n";
        failed_ = true;
      }
    }
    ledger.Print();
    if (!status.ok()) {
      std::cerr << "mitra: the stream broke; " << stream.confirmed()
                << " rows are confirmed. Importing the file again is safe"
                << (marked ? ", --resume goes on from here" : "") << ".\n";
      return Report(status);
    }
    if (marked) bookmark.Remove();
    failed_ = failed_ || ledger.rejected() > 0;
    return kOk;
  }

  template <typename Take>
  static absl::Status ReadLines(std::istream& in, Ledger& ledger, Take take) {
    LineReader lines(in);
    for (;;) {
      auto more = lines.Next();
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      if (lines.blank()) {
        ledger.Blank();
      } else if (lines.too_long()) {
        ledger.Reject(lines.number(), "", "the line is longer than 1 MiB");
      } else if (!take(lines.number(), ParseJsonRow(lines.line()))) {
        return absl::OkStatus();  // the stream tells why
      }
    }
  }

  template <typename Take>
  absl::Status ReadCsv(std::istream& in, Ledger& ledger, Take take) const {
    LineReader lines(in);
    CsvReader csv(lines);
    auto more = csv.Next();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    auto schema =
        CsvSchema::FromHeader(csv.cells(), options_.kind == "evidence");
    if (!schema.ok()) return schema.status();
    for (;;) {
      more = csv.Next();
      if (!more.ok()) {
        ledger.Reject(csv.first_line(), "", more.status().message());
        continue;
      }
      if (!*more) break;
      if (!take(csv.first_line(), schema->ParseRecord(csv.cells()))) break;
    }
    ledger.Blank(csv.blank_lines());
    return absl::OkStatus();
  }

  const Connection& connection_;
  const Options& options_;
  bool failed_ = false;
};

}  // namespace

void AddImportCommand(CLI::App& app, const Globals& globals, Action& action) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "import",
      "Import members, evidence, consents and blocks.\n"
      "  mitra import sample.ndjson   mitra import members.csv");
  command->add_option("files", options->files, "Files; - for standard input")
      ->required();
  command->add_option("--format", options->format, "ndjson, csv or auto")
      ->check(CLI::IsMember({"auto", "ndjson", "csv"}));
  command->add_option("--kind", options->kind, "What a CSV file holds")
      ->check(CLI::IsMember({"profile", "evidence"}));
  command->add_flag("--dry-run", options->dry_run, "Check, store nothing");
  command->add_flag("--resume", options->resume,
                    "Keep FILE.progress and go on where a run was cut");
  command
      ->add_option("--patience", options->patience,
                   "Seconds to go on trying when nobody answers")
      ->check(CLI::Range(0, 86'400));
  command->callback([options, &globals, &action] {
    action = [options, &globals] {
      const Connection connection(globals);
      return Importer(connection, *options).Run();
    };
  });
}

}  // namespace mitra::cli
