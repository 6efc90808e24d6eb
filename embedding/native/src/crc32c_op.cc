// ShardlineCrc32c: the checksum that TensorFlow's file formats have, of a tensor's bytes.
#include "checksum.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace shardline {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

REGISTER_OP("ShardlineCrc32c")
    .Input("bytes: uint8")
    .Output("crc32c: int64")
    .SetShapeFn(tensorflow::shape_inference::ScalarShape)
    .Doc(R"doc(
Computes the CRC32C of bytes, not masked.
)doc");

class Crc32cOp : public tensorflow::OpKernel {
 public:
  explicit Crc32cOp(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    Tensor* crc;
    OP_REQUIRES_OK(context, context->allocate_output(0, {}, &crc));
    const auto bytes = context->input(0).tensor_data();
    crc->scalar<int64_t>()() = extend_crc32c(0, bytes.data(), bytes.size());
  }
};

REGISTER_KERNEL_BUILDER(Name("ShardlineCrc32c").Device(tensorflow::DEVICE_CPU),
                        Crc32cOp);

}  // namespace
}  // namespace shardline
