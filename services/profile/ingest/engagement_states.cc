#include "services/profile/ingest/engagement_states.h"

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra::profile {
namespace {

using absl::string_view;

constexpr uint8_t kSeeker = static_cast<uint8_t>(Side::kSeeker);
constexpr uint8_t kProvider = static_cast<uint8_t>(Side::kProvider);
constexpr uint8_t kSystem = static_cast<uint8_t>(Side::kSystem);
constexpr uint8_t kEither = kSeeker | kProvider;

constexpr Transition kTransitions[] = {
    {v1::ENGAGEMENT_STATE_REQUESTED, v1::ENGAGEMENT_STATE_ACCEPTED, kProvider},
    {v1::ENGAGEMENT_STATE_REQUESTED, v1::ENGAGEMENT_STATE_DECLINED, kProvider},
    {v1::ENGAGEMENT_STATE_REQUESTED, v1::ENGAGEMENT_STATE_CANCELLED, kSeeker},
    {v1::ENGAGEMENT_STATE_REQUESTED, v1::ENGAGEMENT_STATE_EXPIRED, kSystem},
    {v1::ENGAGEMENT_STATE_ACCEPTED, v1::ENGAGEMENT_STATE_ACTIVE, kEither},
    {v1::ENGAGEMENT_STATE_ACCEPTED, v1::ENGAGEMENT_STATE_COMPLETED, kEither},
    {v1::ENGAGEMENT_STATE_ACCEPTED, v1::ENGAGEMENT_STATE_CANCELLED, kEither},
    {v1::ENGAGEMENT_STATE_ACTIVE, v1::ENGAGEMENT_STATE_COMPLETED, kEither},
    {v1::ENGAGEMENT_STATE_ACTIVE, v1::ENGAGEMENT_STATE_CANCELLED, kEither},
    {v1::ENGAGEMENT_STATE_COMPLETED, v1::ENGAGEMENT_STATE_COMPLETED, kEither},
};

constexpr string_view kReasons[] = {
    "NO_TIME",      "NOT_MY_FIELD", "TOO_FAR", "FOUND_ANOTHER",
    "DID_NOT_COME", "NO_AGREEMENT", "OTHER"};

std::string NameOf(v1::EngagementState state) {
  return v1::EngagementState_Name(state).substr(sizeof("ENGAGEMENT_STATE_") -
                                                1);
}

}  // namespace

absl::Span<const Transition> Transitions() { return kTransitions; }

absl::Status CheckTransition(v1::EngagementState from, v1::EngagementState to,
                             Side side) {
  for (const Transition& transition : kTransitions) {
    if (transition.from != from || transition.to != to) continue;
    if (transition.Allows(side)) return absl::OkStatus();
    return MakeError(
        absl::StatusCode::kPermissionDenied, "WRONG_SIDE",
        absl::StrCat("only the other side may move it to ", NameOf(to)));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "ILLEGAL_TRANSITION",
                   absl::StrCat("an engagement that is ", NameOf(from),
                                " cannot become ", NameOf(to)));
}

SeatUse SeatUseOf(v1::EngagementState state) {
  switch (state) {
    case v1::ENGAGEMENT_STATE_REQUESTED:
      return SeatUse::kHeld;
    case v1::ENGAGEMENT_STATE_ACCEPTED:
    case v1::ENGAGEMENT_STATE_ACTIVE:
      return SeatUse::kEngaged;
    default:
      return SeatUse::kNone;
  }
}

absl::Span<const string_view> EngagementReasons() { return kReasons; }

}  // namespace mitra::profile
