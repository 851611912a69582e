// A paged KV cache in the plainest words: lists, maps and names as text, nothing clever. The reference of the tests.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/serving/sequences/request.hpp"

namespace orrery::models::testing {

class NaiveCache {
 public:
  NaiveCache(std::int64_t blocks, std::int64_t block_size, bool caching) : size_(block_size), caching_(caching) {
    for (int block = 0; block < blocks; ++block) free_.push_back(block);
    names_.resize(static_cast<std::size_t>(blocks));
    references_.resize(static_cast<std::size_t>(blocks));
  }

  [[nodiscard]] std::int64_t free_blocks() const { return static_cast<std::int64_t>(free_.size()); }

  [[nodiscard]] std::int64_t lookup(const Sequence& sequence) const {
    if (!caching_) return 0;
    std::int64_t tokens = 0;
    while (tokens + size_ <= sequence.known() - 1 && index_.count(name_of(sequence, tokens / size_)) > 0) {
      tokens += size_;
    }
    return tokens;
  }

  [[nodiscard]] bool fits(const Sequence& sequence, std::int64_t tokens, std::int64_t hit) const {
    const std::uint64_t id = sequence.request.id;
    const auto held = held_.find(id);
    std::int64_t needed = (tokens + size_ - 1) / size_;
    if (held != held_.end()) {
      needed -= static_cast<std::int64_t>(held->second.size());
    } else {
      for (std::int64_t block = 0; block < hit / size_; ++block) {
        // A hit that somebody holds costs nothing; one in the free list leaves it.
        if (references_[at(index_.at(name_of(sequence, block)))] > 0) --needed;
      }
    }
    return needed <= free_blocks();
  }

  bool allocate(const Sequence& sequence, std::int64_t tokens, std::int64_t hit) {
    if (!fits(sequence, tokens, hit)) return false;
    const std::uint64_t id = sequence.request.id;
    if (held_.count(id) == 0) {
      std::vector<int>& blocks = held_[id];
      for (std::int64_t block = 0; block < hit / size_; ++block) {
        const int found = index_.at(name_of(sequence, block));
        if (references_[at(found)]++ == 0) free_.remove(found);
        blocks.push_back(found);
      }
      registered_[id] = hit / size_;
      forget_memory(sequence, hit / size_);
    }
    std::vector<int>& blocks = held_[id];
    while (static_cast<std::int64_t>(blocks.size()) * size_ < tokens) {
      const int block = free_.front();
      free_.pop_front();
      if (!names_[at(block)].empty()) index_.erase(names_[at(block)]);
      names_[at(block)].clear();
      references_[at(block)] = 1;
      blocks.push_back(block);
    }
    if (!caching_) return true;
    for (std::int64_t& block = registered_[id]; (block + 1) * size_ <= std::min(tokens, sequence.known()); ++block) {
      const int held = blocks[at(block)];
      const std::string name = name_of(sequence, block);
      if (index_.emplace(name, held).second) names_[at(held)] = name;
    }
    return true;
  }

  void release(const Sequence& sequence) {
    std::vector<int>& blocks = held_.at(sequence.request.id);
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
      if (--references_[at(*block)] == 0) free_.push_back(*block);
    }
    held_.erase(sequence.request.id);
    registered_.erase(sequence.request.id);
  }

  [[nodiscard]] bool holds(const Sequence& sequence) const { return held_.count(sequence.request.id) > 0; }

 private:
  /// What a sequence held itself before a preemption is remembered until it is admitted again.
  void forget_memory(const Sequence& sequence, std::int64_t from) {
    for (std::int64_t block = from; block * size_ < sequence.known(); ++block) {
      const std::string name = name_of(sequence, block);
      const auto found = index_.find(name);
      if (name.rfind("request", 0) != 0 || found == index_.end()) continue;
      names_[at(found->second)].clear();
      index_.erase(found);
    }
  }

  template <typename Integer>
  static std::size_t at(Integer index) {
    return static_cast<std::size_t>(index);
  }

  /// The content of a block: a place in a named piece where all of its tokens are of the shared prompt, else its own.
  [[nodiscard]] std::string name_of(const Sequence& sequence, std::int64_t block) const {
    const Request& request = sequence.request;
    const std::int64_t last = (block + 1) * size_ - 1;
    const std::int64_t shared =
        std::min(static_cast<std::int64_t>(request.prefix.size()) * request.prefix_tokens, request.input_tokens);
    if (last < shared) return fmt::format("piece {} block {}", request.prefix[at(last / request.prefix_tokens)], block);
    return fmt::format("request {} block {}", request.id, block);
  }

  std::int64_t size_;
  bool caching_;
  std::list<int> free_;
  std::vector<std::string> names_;
  std::vector<int> references_;
  std::map<std::string, int> index_;
  std::map<std::uint64_t, std::vector<int>> held_;
  std::map<std::uint64_t, std::int64_t> registered_;
};

}  // namespace orrery::models::testing
