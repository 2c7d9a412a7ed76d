// Sections of launches as graphs of the driver.
#include "cuda/graphs.h"

#include <algorithm>

namespace dace::cuda {

void Graphs::close() {
  for (Entry& e : entries_)
    if (e.exec) driver_.destroyExec(e.exec);
  entries_.clear();
}

Result Graphs::begin(SectionKey key, Stream stream, DevicePool& pool, Step* step) {
  *step = Step::plain;
  if (!driver_.hasGraphs() || recording_) return kSuccess;
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key.section == key.section && e.key.words == key.words; });
  if (it == entries_.end()) {
    // Making a graph costs more than the launches it saves: only what comes again is worth one.
    entries_.push_front({std::move(key), nullptr});
    if (entries_.size() > kMost) {
      if (entries_.back().exec) driver_.destroyExec(entries_.back().exec);
      entries_.pop_back();
    }
    return kSuccess;
  }
  entries_.splice(entries_.begin(), entries_, it);
  Entry& e = entries_.front();
  if (e.exec && e.key.addresses == key.addresses) {
    const Result r = driver_.launchGraph(e.exec, stream);
    if (r == kSuccess) *step = Step::launched, s_.replayed++;
    return r;
  }
  addresses_ = std::move(key.addresses);
  hold_ = pool.hold();
  constexpr int kThisThread = 1;
  if (const Result r = driver_.beginCapture(stream, kThisThread)) return hold_.unlock(), r;
  recording_ = true;
  *step = Step::record;
  return kSuccess;
}

Result Graphs::end(Stream stream) {
  Graph graph = nullptr;
  Result r = driver_.endCapture(stream, &graph);
  recording_ = false;
  hold_.unlock();
  Entry& e = entries_.front();
  bool updated = false;
  if (r == kSuccess && e.exec && driver_.updateExec) {
    UpdateInfo info;
    updated = driver_.updateExec(e.exec, graph, &info) == kSuccess;
  }
  if (updated) {
    s_.updated++;
  } else {
    if (e.exec) driver_.destroyExec(e.exec);
    e.exec = nullptr;
    if (r == kSuccess) r = driver_.instantiate(&e.exec, graph, 0);
    if (r != kSuccess) e.exec = nullptr;
    else s_.recorded++;
  }
  if (graph) driver_.destroyGraph(graph);
  // Only now: what failed before this has the old addresses in it.
  e.key.addresses = std::move(addresses_);
  if (r == kSuccess) r = driver_.launchGraph(e.exec, stream);
  if (r != kSuccess) {
    if (e.exec) driver_.destroyExec(e.exec);
    entries_.pop_front();
  }
  return r;
}

void Graphs::drop(Stream stream) {
  if (!recording_) return;
  Graph graph = nullptr;
  if (driver_.endCapture(stream, &graph) == kSuccess && graph) driver_.destroyGraph(graph);
  recording_ = false;
  hold_.unlock();
  if (entries_.front().exec) driver_.destroyExec(entries_.front().exec);
  entries_.pop_front();
}

}  // namespace dace::cuda
