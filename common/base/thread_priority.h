// Work that gives way.

#ifndef MITRA_COMMON_BASE_THREAD_PRIORITY_H_
#define MITRA_COMMON_BASE_THREAD_PRIORITY_H_

namespace mitra {

// Lets the calling thread, and those that it starts from now on, give way to
// threads for which people wait: it gets little of a busy processor, and is
// taken off it at once when another wakes up rather than at the end of its
// slice (Linux 6.12 and later; earlier ones only do the first). It still gets
// some, so that nobody waits long for a lock that it holds. May be called
// again; needs no privilege.
void LowerThreadPriority();

// Whether the calling thread, or one that started it, has done that. What it
// holds while it is put aside, those for whom people wait may wait for as well:
// a lock, or the writing to a connection that many share.
bool ThisThreadGivesWay();

// For loops that are long work: called every some microseconds, it lets others
// have the processor now and then, on a thread that gives way; does nothing on
// any other. Being woken is not always enough: on Linux 6.18 one wake-up in
// ten beside such a thread took effect only at the next tick, up to 4 ms later,
// whatever the thread's priority and slice were.
void GiveWay();

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_THREAD_PRIORITY_H_
