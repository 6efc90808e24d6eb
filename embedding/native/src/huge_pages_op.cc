// ShardlineUseHugePages: lets the processor find the rows of large tables faster.
//
// A lookup reads rows all over a table. With pages of 4 KiB nearly each of them first
// needs its page's address from memory, which costs more than the row; with pages of
// 2 MiB the addresses of some GiB fit into the processor's own cache for them.
#include <sys/mman.h>

#include "tables.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25  // Linux 6.1
#endif

namespace shardline {
namespace {

using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

REGISTER_OP("ShardlineUseHugePages")
    .Input("tables: table_count * resource")
    .Output("bytes: int64")
    .Attr("table_count: int >= 1")
    .Attr("dims: list(int) >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::ScalarShape)
    .Doc("Asks for huge pages under variables. Returns how many bytes have them now.");

class UseHugePagesOp : public tensorflow::OpKernel {
 public:
  explicit UseHugePagesOp(tensorflow::OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("dims", &dims_));
  }

  void Compute(OpKernelContext* context) override {
    LockedTables locked;
    OP_REQUIRES_OK(context, locked.lock(context, {"tables"}, dims_, true));
    Tensor* bytes;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &bytes));
    bytes->scalar<int64_t>()() = 0;
    for (size_t i = 0; i < dims_.size(); ++i) {
      bytes->scalar<int64_t>()() +=
          advise(locked.values(i), locked.rows(i) * dims_[i] * sizeof(float));
    }
  }

 private:
  static int64_t advise(float* values, int64_t size) {
    constexpr uintptr_t kHugePage = 1 << 21;
    const auto begin = reinterpret_cast<uintptr_t>(values);
    const uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
    const uintptr_t end = (begin + size) / kHugePage * kHugePage;
    if (first >= end) return 0;
    auto* address = reinterpret_cast<void*>(first);
    // A kernel that cannot do it leaves the pages as they are.
    if (madvise(address, end - first, MADV_HUGEPAGE)) return 0;
    return madvise(address, end - first, MADV_COLLAPSE) ? 0 : end - first;
  }

  std::vector<int64_t> dims_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlineUseHugePages").Device(tensorflow::DEVICE_CPU),
                        UseHugePagesOp);

}  // namespace
}  // namespace shardline
