/* Scores serialized tf.Examples with an exported model, without Python.
 *
 *   score_client MODEL_DIR EXAMPLES_FILE
 *
 * Loads the SavedModel in MODEL_DIR (tag "serve") through TensorFlow's C API, feeds
 * every record of EXAMPLES_FILE (an uncompressed TFRecord file) as one string batch
 * to the signature "serving_default" (input "examples", output "scores") and prints
 * one score a line. "%.9g" is enough digits to read the same float32 back.
 *
 * Any failure is one message on stderr and exit code 1.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

static const char kTag[] = "serve";
static const char kSignature[] = "serving_default";

typedef struct {
  const unsigned char *data;
  size_t size;
} Bytes;

static _Noreturn void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("score_client: ", stderr);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  exit(EXIT_FAILURE);
}

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL) fail("out of memory: %zu bytes were asked for", size);
  return memory;
}

/* ---- TFRecord file --------------------------------------------------------- */

static Bytes read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("cannot read the examples file %s", path);
  size_t size = 0, capacity = 1 << 16;
  unsigned char *data = allocate(capacity);
  for (size_t got; (got = fread(data + size, 1, capacity - size, file)) > 0;) {
    size += got;
    if (size < capacity) continue;
    capacity *= 2;
    data = realloc(data, capacity);
    if (data == NULL) fail("out of memory: %zu bytes were asked for", capacity);
  }
  if (ferror(file)) fail("cannot read the examples file %s", path);
  fclose(file);
  return (Bytes){data, size};
}

/* Takes one record off `rest`: uint64 length, uint32 checksum of the length, the
 * payload, uint32 checksum of the payload, all little-endian. The checksums are
 * skipped. False when the bytes left do not hold a whole record. */
static bool next_record(Bytes *rest, Bytes *record) {
  const size_t kHeader = 12, kFooter = 4;
  if (rest->size < kHeader + kFooter) return false;
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | rest->data[i];
  if (length > rest->size - kHeader - kFooter) return false;
  *record = (Bytes){rest->data + kHeader, length};
  rest->data += kHeader + length + kFooter;
  rest->size -= kHeader + length + kFooter;
  return true;
}

static size_t count_records(Bytes file, const char *path) {
  if (file.size == 0) fail("the examples file %s is empty", path);
  size_t count = 0;
  Bytes record;
  while (file.size > 0) {
    if (!next_record(&file, &record)) {
      fail("the examples file %s breaks off in record %zu: expected an "
           "uncompressed TFRecord file", path, count);
    }
    ++count;
  }
  return count;
}

/* String tensor [count] whose elements point into `file`, which must outlive it. */
static TF_Tensor *batch_of(Bytes file, size_t count) {
  const int64_t shape[] = {(int64_t)count};
  TF_Tensor *batch =
      TF_AllocateTensor(TF_STRING, shape, 1, count * sizeof(TF_TString));
  TF_TString *strings = TF_TensorData(batch);
  Bytes record;
  for (size_t i = 0; next_record(&file, &record); ++i) {
    TF_StringInit(&strings[i]);
    TF_StringAssignView(&strings[i], (const char *)record.data, record.size);
  }
  return batch;
}

/* ---- SignatureDef ----------------------------------------------------------
 * The names of a model's tensors ("serving_default_examples:0",
 * "StatefulPartitionedCall_1:0") change from export to export, so they are read
 * from the MetaGraphDef. The C API hands that message over serialized and has no
 * reader for it. The protobuf wire format is small enough to walk by hand: a
 * message is a run of fields, each a varint key (field number << 3 | wire type)
 * and a value, and only values of wire type 2 (length, then that many bytes) are
 * of use here: messages, strings and map entries {1: key, 2: value}.
 */
enum {
  kMetaGraphSignatures = 5, /* MetaGraphDef: map<string, SignatureDef> */
  kSignatureInputs = 1,     /* SignatureDef: map<string, TensorInfo> */
  kSignatureOutputs = 2,    /* SignatureDef: map<string, TensorInfo> */
  kTensorInfoName = 1,      /* TensorInfo: string */
  kMapKey = 1,
  kMapValue = 2,
};

static bool take_bytes(Bytes *rest, uint64_t size, Bytes *taken) {
  if (size > rest->size) return false;
  *taken = (Bytes){rest->data, size};
  rest->data += size;
  rest->size -= size;
  return true;
}

static bool take_varint(Bytes *rest, uint64_t *value) {
  Bytes byte;
  *value = 0;
  for (int shift = 0; shift < 64 && take_bytes(rest, 1, &byte); shift += 7) {
    *value |= (uint64_t)(byte.data[0] & 0x7f) << shift;
    if (byte.data[0] < 0x80) return true;
  }
  return false;
}

/* Takes the next field off `rest`; `value` is empty unless its wire type is 2.
 * False at the end of the message. */
static bool next_field(Bytes *rest, uint64_t *number, Bytes *value) {
  uint64_t key, scalar;
  if (!take_varint(rest, &key)) return false;
  *number = key >> 3;
  *value = (Bytes){NULL, 0};
  Bytes skipped;
  switch (key & 7) {
    case 0: return take_varint(rest, &scalar);
    case 1: return take_bytes(rest, 8, &skipped);
    case 2: return take_varint(rest, &scalar) && take_bytes(rest, scalar, value);
    case 5: return take_bytes(rest, 4, &skipped);
    default: return false; /* groups are in none of these messages */
  }
}

static bool find_field(Bytes message, uint64_t wanted, Bytes *value) {
  uint64_t number;
  while (next_field(&message, &number, value)) {
    if (number == wanted) return true;
  }
  return false;
}

static bool find_in_map(Bytes message, uint64_t map, const char *key, Bytes *value) {
  uint64_t number;
  Bytes entry, name;
  while (next_field(&message, &number, &entry)) {
    if (number == map && find_field(entry, kMapKey, &name) &&
        name.size == strlen(key) && memcmp(name.data, key, name.size) == 0) {
      return find_field(entry, kMapValue, value);
    }
  }
  return false;
}

/* The graph's end of `signature`'s input or output `key`: "operation:index". */
static TF_Output endpoint(TF_Graph *graph, Bytes signature, uint64_t map,
                          const char *key) {
  const char *kind = map == kSignatureInputs ? "input" : "output";
  Bytes info, name;
  if (!find_in_map(signature, map, key, &info)) {
    fail("the signature '%s' has no %s '%s'", kSignature, kind, key);
  }
  if (!find_field(info, kTensorInfoName, &name)) {
    fail("the %s '%s' of '%s' is not a plain tensor", kind, key, kSignature);
  }
  char *operation = allocate(name.size + 1);
  memcpy(operation, name.data, name.size);
  operation[name.size] = '\0';
  char *colon = strrchr(operation, ':');
  int index = colon == NULL ? 0 : atoi(colon + 1);
  if (colon != NULL) *colon = '\0';
  TF_Output output = {TF_GraphOperationByName(graph, operation), index};
  if (output.oper == NULL) {
    fail("the graph has no operation '%s', the %s '%s'", operation, kind, key);
  }
  free(operation);
  return output;
}

/* ---- Model ------------------------------------------------------------------ */

static void check(const TF_Status *status, const char *what) {
  if (TF_GetCode(status) != TF_OK) fail("%s: %s", what, TF_Message(status));
}

/* The scores of `batch`: float32 [count] or [count, 1]. */
static TF_Tensor *score(const char *model, TF_Tensor *batch, TF_Status *status) {
  const char *const tags[] = {kTag};
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  TF_Buffer *meta_graph = TF_NewBuffer();
  TF_Session *session = TF_LoadSessionFromSavedModel(
      options, NULL, model, tags, 1, graph, meta_graph, status);
  check(status, "cannot load the model");

  Bytes signature;
  if (!find_in_map((Bytes){meta_graph->data, meta_graph->length},
                   kMetaGraphSignatures, kSignature, &signature)) {
    fail("the model in %s has no signature '%s'", model, kSignature);
  }
  TF_Output input = endpoint(graph, signature, kSignatureInputs, "examples");
  TF_Output output = endpoint(graph, signature, kSignatureOutputs, "scores");
  TF_Tensor *scores = NULL;
  TF_SessionRun(session, NULL, &input, &batch, 1, &output, &scores, 1, NULL, 0, NULL,
                status);
  check(status, "cannot score the examples");

  TF_CloseSession(session, status);
  check(status, "cannot close the model");
  TF_DeleteSession(session, status);
  TF_DeleteBuffer(meta_graph);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  return scores;
}

static void print_scores(const TF_Tensor *scores, size_t count) {
  if (TF_TensorType(scores) != TF_FLOAT) {
    fail("the scores have TensorFlow data type %d, expected float32 (%d)",
         (int)TF_TensorType(scores), (int)TF_FLOAT);
  }
  if (TF_NumDims(scores) < 1 || TF_NumDims(scores) > 2 ||
      TF_Dim(scores, 0) != (int64_t)count ||
      TF_TensorElementCount(scores) != (int64_t)count) {
    fail("got %" PRId64 " scores in %d dimensions for %zu examples, expected one each",
         TF_TensorElementCount(scores), TF_NumDims(scores), count);
  }
  const float *values = TF_TensorData(scores);
  for (size_t i = 0; i < count; ++i) printf("%.9g\n", values[i]);
}

int main(int argc, char **argv) {
  if (argc != 3) fail("usage: score_client MODEL_DIR EXAMPLES_FILE");
  TF_Status *status = TF_NewStatus();
  Bytes file = read_file(argv[2]);
  size_t count = count_records(file, argv[2]);
  TF_Tensor *batch = batch_of(file, count);
  TF_Tensor *scores = score(argv[1], batch, status);
  print_scores(scores, count);
  TF_DeleteTensor(scores);
  TF_DeleteTensor(batch);
  TF_DeleteStatus(status);
  free((void *)file.data);
  return EXIT_SUCCESS;
}
