// mitra-quality [--list] [--full] [--mentor-csv FILE] [SUITE …]: quality on
// public data.

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tests/quality/suites.h"

namespace mitra::quality {
namespace {

struct Suite {
  const char* name;
  void (*run)(const SuiteOptions&, Report&);
};

constexpr Suite kSuites[] = {
    {"congestion", RunCongestion}, {"mentors", RunMentors},
    {"dating", RunDating},         {"text", RunText},
    {"links", RunLinks},           {"signs", RunSigns},
    {"ratings", RunRatings},       {"sybils", RunSybils},
    {"rounds", RunRounds},
};

int Main(int argc, char** argv) {
  SuiteOptions options;
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--list") {
      for (const Suite& suite : kSuites) std::printf("%s\n", suite.name);
      return 0;
    } else if (argument == "--full") {
      options.full = true;
    } else if (argument == "--mentor-csv" && i + 1 < argc) {
      options.mentor_csv = argv[++i];
    } else {
      wanted.push_back(argument);
    }
  }
  Report report;
  for (const std::string& name : wanted) {
    bool known = false;
    for (const Suite& suite : kSuites) known = known || name == suite.name;
    if (known) continue;
    std::fprintf(stderr, "no suite %s; there are:", name.c_str());
    for (const Suite& suite : kSuites) std::fprintf(stderr, " %s", suite.name);
    std::fprintf(stderr, "\n");
    return 2;
  }
  for (const Suite& suite : kSuites) {
    bool run = wanted.empty();
    for (const std::string& name : wanted) run = run || name == suite.name;
    if (!run) continue;
    std::fprintf(stderr, "quality: %s\n", suite.name);
    suite.run(options, report);
  }
  report.Print();
  return 0;
}

}  // namespace
}  // namespace mitra::quality

int main(int argc, char** argv) { return mitra::quality::Main(argc, argv); }
