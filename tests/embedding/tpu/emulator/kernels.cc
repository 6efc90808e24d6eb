// CPU kernels for the ops of TPU embedding, over the emulated engine. For tests only:
// they let the graphs that are meant for a TPU run where there is none.
//
// The core of an enqueue op follows from its device, the host, and device_ordinal; that
// of a receive or send op is the number of its CPU device.

#include <thread>

#include "engine.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace emulator {
namespace {

using tensorflow::AsyncOpKernel;
using tensorflow::OpInputList;
using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

int DeviceIndex(OpKernelContext* ctx) {
  const std::string& name = ctx->device()->name();
  return std::stoi(name.substr(name.rfind(':') + 1));
}

// Runs `body`; what it throws becomes the status of the op.
template <typename Body>
bool Run(OpKernelContext* ctx, Body body) {
  try {
    body();
    return true;
  } catch (const std::exception& error) {
    ctx->SetStatus(
        absl::InvalidArgumentError(std::string("Emulated TPU: ") + error.what()));
    return false;
  }
}

void Check(bool claim, const std::string& message) {
  if (!claim) throw std::runtime_error(message);
}

class Configure : public OpKernel {
 public:
  explicit Configure(OpKernelConstruction* ctx) : OpKernel(ctx) {
    OP_REQUIRES_OK(ctx, ctx->GetAttr("config", &config_));
  }
  void Compute(OpKernelContext* ctx) override {
    Run(ctx, [&] { Engine::Get().Configure(config_); });
  }

 private:
  std::string config_;
};

class IsInitialized : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* ctx) override {
    Tensor* out;
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, TensorShape({}), &out));
    out->scalar<bool>()() = Engine::Get().initialized();
  }
};

// Attributes of the ops that move one table.
class TableOp : public OpKernel {
 public:
  explicit TableOp(OpKernelConstruction* ctx) : OpKernel(ctx) {
    OP_REQUIRES_OK(ctx, ctx->GetAttr("table_name", &table_));
    OP_REQUIRES_OK(ctx, ctx->GetAttr("num_shards", &shards_));
    OP_REQUIRES_OK(ctx, ctx->GetAttr("shard_id", &shard_));
    OP_REQUIRES_OK(ctx, ctx->GetAttr("config", &config_));
    const std::string prefix = "TPUEmbedding", suffix = "Parameters";
    const std::string& type = type_string();
    const size_t start = type.find(prefix) + prefix.size();
    algorithm_ = type.substr(start, type.size() - suffix.size() - start);
  }

 protected:
  int TableId(OpKernelContext* ctx) {
    Engine& engine = Engine::Get();
    engine.Checked(config_);
    Check(DeviceIndex(ctx) == shard_, "a shard is not moved on its host");
    return engine.TableId(table_, algorithm_);
  }

  std::string table_, config_, algorithm_;
  int shards_, shard_;
};

class LoadTable : public TableOp {
 public:
  using TableOp::TableOp;
  void Compute(OpKernelContext* ctx) override {
    Run(ctx, [&] {
      const int table = TableId(ctx);
      const Shape shape = Engine::Get().ShardShape(table, shard_, shards_);
      std::vector<const float*> values;
      for (int i = 0; i < ctx->num_inputs(); ++i) {
        Check(ctx->input(i).shape() == TensorShape({shape.rows, shape.dim}),
              "table " + table_ + " was loaded with the shape " +
                  ctx->input(i).shape().DebugString());
        values.push_back(ctx->input(i).flat<float>().data());
      }
      Engine::Get().Load(table, shard_, values);
    });
  }
};

class RetrieveTable : public TableOp {
 public:
  using TableOp::TableOp;
  void Compute(OpKernelContext* ctx) override {
    Run(ctx, [&] {
      const int table = TableId(ctx);
      const Shape shape = Engine::Get().ShardShape(table, shard_, shards_);
      std::vector<float*> values;
      for (int i = 0; i < ctx->num_outputs(); ++i) {
        Tensor* out;
        TF_CHECK_OK(
            ctx->allocate_output(i, TensorShape({shape.rows, shape.dim}), &out));
        values.push_back(out->flat<float>().data());
      }
      Engine::Get().Retrieve(table, shard_, values);
    });
  }
};

class Enqueue : public OpKernel {
 public:
  explicit Enqueue(OpKernelConstruction* ctx) : OpKernel(ctx) {
    OP_REQUIRES_OK(ctx, ctx->GetAttr("device_ordinal", &ordinal_));
    OP_REQUIRES_OK(ctx, ctx->GetAttr("combiners", &combiners_));
  }

  void Compute(OpKernelContext* ctx) override {
    Run(ctx, [&] {
      const Config& config = Engine::Get().Checked("");
      OpInputList rows, ids, weights;
      TF_CHECK_OK(ctx->input_list("sample_indices_or_row_splits", &rows));
      TF_CHECK_OK(ctx->input_list("embedding_indices", &ids));
      TF_CHECK_OK(ctx->input_list("aggregation_weights", &weights));
      const Tensor* mode;
      TF_CHECK_OK(ctx->input("mode_override", &mode));
      const std::string word(mode->scalar<tensorflow::tstring>()());
      Check(word == "train" || word == "inference", "unknown mode " + word);
      Check(combiners_.size() == config.tables.size(), "one combiner a table");
      Check(ids.size() == static_cast<int>(config.features.size()),
            "one list of ids a feature");
      const int per_host = config.cores / config.hosts;
      Check(ordinal_ >= 0 && ordinal_ < per_host, "no such core on the host");
      Batch batch;
      batch.training = word == "train";
      for (int f = 0; f < ids.size(); ++f) {
        batch.features.push_back(
            Occurrences(config, config.features[f], rows[f], ids[f], weights[f]));
      }
      Engine::Get().Enqueue(DeviceIndex(ctx) * per_host + ordinal_,
                            std::move(batch));
    });
  }

 private:
  std::vector<Occurrence> Occurrences(const Config& config,
                                      const FeatureConfig& feature,
                                      const Tensor& rows, const Tensor& ids,
                                      const Tensor& weights) const {
    const int64_t count = ids.NumElements();
    Check(weights.NumElements() == 0 || weights.NumElements() == count,
          "as many weights as ids");
    std::vector<Occurrence> all;
    bool is_sequence = false;
    for (int64_t i = 0; i < count; ++i) {
      const double weight =
          weights.NumElements() ? weights.flat<float>()(i) : 1.0;
      all.push_back({ids.flat<int64_t>()(i), -1, weight});
      Check(all.back().id >= 0 && all.back().id < config.tables[feature.table].rows,
            "id " + std::to_string(all.back().id) + " lies outside its table");
    }
    if (rows.dims() == 2) {
      is_sequence = PlaceSparse(feature, rows, &all);
    } else if (rows.NumElements() > 0) {
      is_sequence = PlaceRagged(feature, rows, &all);
    } else {
      Check(count == Places(feature), "one id an activation of a dense feature");
      for (int64_t i = 0; i < count; ++i) all[i].row = i;
    }
    std::vector<Occurrence> kept;
    for (const Occurrence& o : all) {
      if (o.row >= 0) kept.push_back(o);
    }
    Combine(is_sequence ? "sum" : combiners_[feature.table], &kept);
    return kept;
  }

  static int64_t Places(const FeatureConfig& feature) {
    int64_t places = 1;
    for (const int64_t size : feature.shape) places *= size;
    return places;
  }

  // All index columns but the last tell the activation. Positions behind the last one
  // of a sequence, whose last column is 0 throughout, are cut off.
  static bool PlaceSparse(const FeatureConfig& feature, const Tensor& indices,
                          std::vector<Occurrence>* all) {
    const int rank = feature.shape.size();
    Check(indices.dim_size(1) == rank + 1, "sample indices of another rank");
    Check(indices.dim_size(0) == static_cast<int64_t>(all->size()),
          "as many sample indices as ids");
    const auto matrix = indices.matrix<int32_t>();
    for (size_t i = 0; i < all->size(); ++i) {
      int64_t row = 0;
      bool inside = true;
      for (int axis = 0; axis < rank; ++axis) {
        const bool fits = matrix(i, axis) < feature.shape[axis];
        Check(fits || axis == rank - 1, "a sample index outside the batch");
        inside = inside && fits;
        row = row * feature.shape[axis] + matrix(i, axis);
      }
      Check(inside || rank > 1, "a sample index outside the batch");
      (*all)[i].row = inside ? row : -1;
    }
    return false;
  }

  // As many rows as activations are pooled; fewer are sequences.
  static bool PlaceRagged(const FeatureConfig& feature, const Tensor& splits,
                          std::vector<Occurrence>* all) {
    const auto split = splits.flat<int32_t>();
    const int64_t count = splits.NumElements() - 1;
    const int64_t places = Places(feature);
    Check(places % count == 0, "row splits do not fit the output shape");
    Check(split(count) == static_cast<int64_t>(all->size()),
          "row splits do not fit the ids");
    const int64_t length = places / count;
    for (int64_t row = 0; row < count; ++row) {
      for (int32_t i = split(row); i < split(row + 1); ++i) {
        const int64_t position = i - split(row);
        (*all)[i].row = length == 1         ? row
                        : position < length ? row * length + position
                                            : -1;
      }
    }
    return length > 1;
  }

  static void Combine(const std::string& combiner, std::vector<Occurrence>* all) {
    if (combiner == "sum") return;
    std::map<int64_t, double> norms;
    for (const Occurrence& o : *all) {
      norms[o.row] += combiner == "mean" ? o.coefficient : o.coefficient * o.coefficient;
    }
    for (Occurrence& o : *all) {
      const double norm =
          combiner == "mean" ? norms[o.row] : std::sqrt(norms[o.row]);
      o.coefficient = norm == 0 ? 0 : o.coefficient / norm;
    }
  }

  int ordinal_;
  std::vector<std::string> combiners_;
};

class Receive : public AsyncOpKernel {
 public:
  explicit Receive(OpKernelConstruction* ctx) : AsyncOpKernel(ctx) {
    OP_REQUIRES_OK(ctx, ctx->GetAttr("config", &config_));
  }

  void ComputeAsync(OpKernelContext* ctx, DoneCallback done) override {
    // A thread of its own: waiting must not take one that an enqueue op needs.
    std::thread([this, ctx, done] {
      Run(ctx, [&] {
        const Config& config = Engine::Get().Checked(config_);
        const auto activations = Engine::Get().Receive(DeviceIndex(ctx));
        for (size_t f = 0; f < activations.size(); ++f) {
          TensorShape shape;
          for (const int64_t size : config.features[f].shape) shape.AddDim(size);
          shape.AddDim(config.tables[config.features[f].table].dim);
          Tensor* out;
          TF_CHECK_OK(ctx->allocate_output(f, shape, &out));
          std::copy(activations[f].begin(), activations[f].end(),
                    out->flat<float>().data());
        }
      });
      done();
    }).detach();
  }

 private:
  std::string config_;
};

class Send : public OpKernel {
 public:
  explicit Send(OpKernelConstruction* ctx) : OpKernel(ctx) {
    OP_REQUIRES_OK(ctx, ctx->GetAttr("config", &config_));
  }

  void Compute(OpKernelContext* ctx) override {
    Run(ctx, [&] {
      const Config& config = Engine::Get().Checked(config_);
      OpInputList inputs, rates;
      TF_CHECK_OK(ctx->input_list("inputs", &inputs));
      TF_CHECK_OK(ctx->input_list("learning_rates", &rates));
      Check(rates.size() == config.rates, "one learning rate a tag");
      Check(inputs.size() == static_cast<int>(config.features.size()),
            "one gradient a feature");
      std::vector<const float*> gradients;
      for (int f = 0; f < inputs.size(); ++f) {
        TensorShape shape;
        for (const int64_t size : config.features[f].shape) shape.AddDim(size);
        shape.AddDim(config.tables[config.features[f].table].dim);
        Check(inputs[f].shape() == shape, "a gradient of another shape");
        gradients.push_back(inputs[f].flat<float>().data());
      }
      std::vector<float> values;
      for (int i = 0; i < rates.size(); ++i) {
        values.push_back(rates[i].scalar<float>()());
      }
      Engine::Get().Send(DeviceIndex(ctx), gradients, values);
    });
  }

 private:
  std::string config_;
};

#define REGISTER(name, kernel) \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU), kernel)
#define REGISTER_TABLE_OPS(algorithm)                               \
  REGISTER("LoadTPUEmbedding" algorithm "Parameters", LoadTable);   \
  REGISTER("RetrieveTPUEmbedding" algorithm "Parameters", RetrieveTable)

REGISTER("ConfigureTPUEmbedding", Configure);
REGISTER("IsTPUEmbeddingInitialized", IsInitialized);
REGISTER("RecvTPUEmbeddingActivations", Receive);
REGISTER("SendTPUEmbeddingGradients", Send);
REGISTER_KERNEL_BUILDER(Name("EnqueueTPUEmbeddingArbitraryTensorBatch")
                            .Device(tensorflow::DEVICE_CPU)
                            .TypeConstraint<int32_t>("T1")
                            .TypeConstraint<int64_t>("T2")
                            .TypeConstraint<float>("T3"),
                        Enqueue);
REGISTER_TABLE_OPS("StochasticGradientDescent");
REGISTER_TABLE_OPS("Adagrad");
REGISTER_TABLE_OPS("AdagradMomentum");
REGISTER_TABLE_OPS("ADAM");
REGISTER_TABLE_OPS("FTRL");

}  // namespace
}  // namespace emulator

// For ctypes.
extern "C" {
void emulator_reset() { emulator::Engine::Get().Reset(); }
void emulator_set_timeout_ms(int timeout) {
  emulator::Engine::Get().timeout_ms = timeout;
}
int emulator_enqueued(int core) { return emulator::Engine::Get().Enqueued(core); }
}
