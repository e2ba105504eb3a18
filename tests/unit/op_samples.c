/* The `shape` column says which axes sources may have, the `sample` column which values. Axes are
 * called by one letter, and a list of axes is written as a word. */
#include "tests/unit/op_samples.h"

#include "ir/build.h"

#include <math.h>
#include <string.h>

struct Draft;

/* A value in f32 for element `i` of `count` of source `which`. */
typedef double Domain(struct Draft *draft, uint32_t which, int64_t i, int64_t count);

typedef struct Draft {
    OpSample *sample;
    Function *function;
    Arena *arena;
    uint64_t seed, state;
    OpCode op;
    Domain *domain;
    Node node;
    NodeId sources[OP_SAMPLE_MAX_BINDINGS];
} Draft;

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* --- drawing --- */

/* SplitMix64. */
static uint64_t draw_word(Draft *draft) {
    uint64_t word = draft->state += UINT64_C(0x9E3779B97F4A7C15);
    word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
    return word ^ word >> 31;
}

static int64_t draw_integer(Draft *draft, int64_t least, int64_t most) {
    return least + (int64_t)(draw_word(draft) % (uint64_t)(most - least + 1));
}

/* An odd multiple of 1/2048 between the two integers. */
static double draw_between(Draft *draft, int64_t least, int64_t most) {
    return (double)(draw_integer(draft, least * 1024, most * 1024 - 1) * 2 + 1) / 2048;
}

static double domain_REAL(Draft *draft, uint32_t which, int64_t i, int64_t count) {
    (void)which, (void)i, (void)count;
    return draw_between(draft, -3, 3);
}

static double domain_SMALL(Draft *draft, uint32_t which, int64_t i, int64_t count) {
    (void)which, (void)i, (void)count;
    return draw_between(draft, -2, 2);
}

static double domain_POSITIVE(Draft *draft, uint32_t which, int64_t i, int64_t count) {
    (void)which, (void)i, (void)count;
    return 0.25 + draw_between(draft, 0, 3);
}

static double domain_NONZERO(Draft *draft, uint32_t which, int64_t i, int64_t count) {
    (void)which, (void)i, (void)count;
    double size = 0.25 + draw_between(draft, 0, 3);
    return draw_word(draft) & 1 ? size : -size;
}

/* A permutation of numbers 1/4 apart; those of the second source lie between. */
static double domain_DISTINCT(Draft *draft, uint32_t which, int64_t i, int64_t count) {
    static const int64_t strides[] = {7, 11, 13, 19, 23};
    int64_t stride = 1;
    for (size_t k = 0; k < COUNT_OF(strides); k++)
        if (count % strides[(k + draft->seed) % COUNT_OF(strides)])
            stride = strides[(k + draft->seed) % COUNT_OF(strides)];
    int64_t rank = (i * stride + (int64_t)draft->seed) % count;
    return (double)(2 * (rank - count / 2) + which) / 8;
}

static Domain *const domain_NONE = NULL, *const domain_BOOLEAN = domain_REAL,
                     *const domain_INTEGER = domain_REAL, *const domain_DIVISOR = domain_REAL,
                     *const domain_COUNTERS = domain_REAL, *const domain_SELECTION = domain_REAL,
                     *const domain_CLASSES = domain_REAL, *const domain_TABLE = domain_REAL,
                     *const domain_SCATTER = domain_REAL, *const domain_SHIFTED = domain_REAL,
                     *const domain_UPDATED = domain_REAL,
                     *const domain_ATTENTION_SOURCES = domain_SMALL,
                     *const domain_ATTENTION_GRAD_SOURCES = domain_SMALL;

/* --- sources --- */

static AxisId letter_axis(Draft *draft, char letter) {
    static const struct {
        char letter;
        int64_t extents[4];
    } table[] = {
        {'b', {2, 3, 1, 2}}, {'n', {8, 17, 3, 1}}, {'d', {17, 3, 8, 16}}, {'m', {8, 17, 3, 5}},
        {'h', {2, 1, 3, 2}}, {'e', {8, 3, 5, 1}},  {'v', {5, 17, 3, 8}},  {'f', {3, 8, 17, 1}},
    };
    const char name[2] = {letter, '\0'};
    AxisId axis = function_find_axis(draft->function, name);
    for (size_t i = 0; i < COUNT_OF(table) && axis == AXIS_NONE; i++)
        if (table[i].letter == letter)
            axis = function_axis(draft->function, name, table[i].extents[(draft->seed + i) % 4]);
    return axis;
}

static Axes word_axes(Draft *draft, const char *word) {
    Axes axes = {0};
    for (; *word; word++)
        axes_append(&axes, letter_axis(draft, *word));
    return axes;
}

static void bind(Draft *draft, const char *name, const double *values, int64_t count) {
    draft->sample->bindings[draft->sample->binding_count++] =
        (InterpretBinding){name, values, count};
}

/* A declared tensor with values from `least` to `most` if integer, else of the op's domain. */
static NodeId add_input(Draft *draft, OpCode kind, const char *name, DType dtype, const Axes *axes,
                        int64_t least, int64_t most) {
    NodeId id = kind == OP_PARAM ? build_param(draft->function, name, dtype, axes)
                                 : build_input(draft->function, name, dtype, axes);
    int64_t count = graph_elements(draft->function, graph_node(draft->function, id));
    double *values = arena_array(draft->arena, (size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = dtype == DTYPE_F32 ? draft->domain(draft, name[0] == 'b', i, count)
                                       : (double)draw_integer(draft, least, most);
    bind(draft, name, values, count);
    return id;
}

static NodeId add_source(Draft *draft, NodeId id) {
    draft->sources[draft->node.source_count] = id;
    return draft->sources[draft->node.source_count++];
}

/* The next source: called a, b, c by its place. */
static NodeId add_axes(Draft *draft, DType dtype, const Axes *axes) {
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    OpCode kind = dtype == DTYPE_F32 ? OP_PARAM : OP_INPUT;
    int64_t least = dtype == DTYPE_BOOL ? 0 : -6, most = dtype == DTYPE_BOOL ? 1 : 6;
    return add_source(
        draft, add_input(draft, kind, names[draft->node.source_count], dtype, axes, least, most));
}

static NodeId add_tensor(Draft *draft, DType dtype, const char *word) {
    const Axes axes = word_axes(draft, word);
    return add_axes(draft, dtype, &axes);
}

/* Positions along an axis, a few of them beyond its ends where `beyond`. */
static NodeId add_positions(Draft *draft, const char *name, const char *word, char axis,
                            bool beyond) {
    const Axes axes = word_axes(draft, word);
    int64_t extent = graph_axis(draft->function, letter_axis(draft, axis))->extent;
    return add_source(draft, add_input(draft, OP_INPUT, name, DTYPE_I32, &axes, beyond ? -1 : 0,
                                       beyond ? extent : extent - 1));
}

static const char *pick(const Draft *draft, const char *const *words, size_t count) {
    return words[draft->seed % count];
}

/* f32, or i32 for some seeds of ops that take either. */
static DType number_dtype(const Draft *draft) {
    return draft->seed % 5 == 3 ? DTYPE_I32 : DTYPE_F32;
}

/* --- layouts: one for each shape rule --- */

typedef void Layout(Draft *draft);

static void layout_none(Draft *draft) { (void)draft; }

static Layout *const layout_constant = layout_none, *const layout_declared = layout_none,
                     *const layout_index = layout_none, *const layout_kernel = layout_none,
                     *const layout_result = layout_none, *const layout_call = layout_none,
                     *const layout_call_grad = layout_none, *const layout_pack = layout_none,
                     *const layout_pack_slice = layout_none, *const layout_packed = layout_none;

static void layout_random(Draft *draft) {
    static const char *const images[] = {"b", "", "bn"}, *const elements[] = {"nd", "n", "d", ""};
    const Axes scalar = {0};
    const Axes image = word_axes(draft, pick(draft, images, COUNT_OF(images)));
    const Axes own = word_axes(draft, pick(draft, elements, COUNT_OF(elements)));
    static const char *const names[] = {"seed", "draw", "step"};
    for (int i = 0; i < 3; i++)
        add_source(draft,
                   add_input(draft, OP_INPUT, names[i], DTYPE_I32, &scalar, -1000000, 1000000));
    add_source(draft, add_input(draft, OP_INPUT, "image", DTYPE_I32, &image, 0, 60000));
    draft->node.attributes.axes = axes_minus(&own, &image);
    draft->node.attributes.key = draw_word(draft);
}

static void unary_of(Draft *draft, DType dtype) {
    static const char *const words[] = {"n", "", "bn", "bnd", "dn", "d", "ndb"};
    add_tensor(draft, dtype, pick(draft, words, COUNT_OF(words)));
}

static void layout_to_f32(Draft *draft) {
    static const DType dtypes[] = {DTYPE_I32, DTYPE_BOOL, DTYPE_F32};
    unary_of(draft, dtypes[draft->seed % 3]);
}

static void layout_to_bf16(Draft *draft) { unary_of(draft, DTYPE_F32); }

static void layout_to_i32(Draft *draft) {
    unary_of(draft, draft->seed % 5 == 3 ? DTYPE_BOOL : DTYPE_F32);
}

static void layout_unary(Draft *draft) { unary_of(draft, number_dtype(draft)); }

static void layout_unary_f32(Draft *draft) { unary_of(draft, DTYPE_F32); }

static void layout_unary_bool(Draft *draft) { unary_of(draft, DTYPE_BOOL); }

enum { PATTERNS = 12 };
static const char *const patterns[PATTERNS][3] = {
    {"n", "n", "n"},    {"", "", ""},     {"bn", "nb", "bn"},   {"n", "bnd", "d"},
    {"bn", "nd", "bd"}, {"bnd", "d", ""}, {"bnd", "dbn", "nd"}, {"d", "", "n"},
    {"b", "d", "n"},    {"", "bnd", "b"}, {"nd", "nd", "dn"},   {"bnd", "bnd", "bnd"},
};

static void binary_of(Draft *draft, DType dtype) {
    const char *const *pattern = patterns[draft->seed % PATTERNS];
    add_tensor(draft, dtype, pattern[0]);
    add_tensor(draft, dtype, pattern[1]);
}

static void layout_binary(Draft *draft) { binary_of(draft, number_dtype(draft)); }

/* pow: sometimes to a constant integer power, where any base is right */
static void layout_binary_f32(Draft *draft) {
    if (draft->op != OP_POW || draft->seed % 4 != 3) {
        binary_of(draft, DTYPE_F32);
        return;
    }
    draft->domain = domain_NONZERO;
    add_tensor(draft, DTYPE_F32, patterns[draft->seed % PATTERNS][1]);
    double power = (double)draw_integer(draft, 0, 1) + 2;
    add_source(draft, build_const(draft->function, DTYPE_F32, power));
}

static void layout_binary_i32(Draft *draft) { binary_of(draft, DTYPE_I32); }

static void layout_binary_bool(Draft *draft) { binary_of(draft, DTYPE_BOOL); }

static void layout_compare(Draft *draft) { layout_binary(draft); }

static void layout_select(Draft *draft) {
    static const DType dtypes[] = {DTYPE_F32, DTYPE_F32, DTYPE_I32, DTYPE_F32, DTYPE_BOOL};
    const DType dtype = dtypes[draft->seed % COUNT_OF(dtypes)];
    const char *const *pattern = patterns[draft->seed % PATTERNS];
    add_tensor(draft, DTYPE_BOOL, pattern[2]);
    add_tensor(draft, dtype, pattern[0]);
    add_tensor(draft, dtype, pattern[1]);
}

/* A tensor, and some of its axes. */
static void reduction_of(Draft *draft, DType dtype, const char *const (*pairs)[2], size_t count) {
    const char *const *pair = pairs[draft->seed % count];
    add_tensor(draft, dtype, pair[0]);
    draft->node.attributes.axes = word_axes(draft, pair[1]);
}

static const char *const rows[][2] = {
    {"n", "n"}, {"bn", "n"}, {"bn", "b"}, {"bnd", "d"}, {"bnd", "n"}, {"dbn", "d"}, {"nd", "d"},
};

static void layout_reduce(Draft *draft) {
    static const char *const pairs[][2] = {
        {"n", "n"},   {"bn", "n"},   {"bnd", "d"},   {"bnd", "bn"},
        {"bnd", "b"}, {"bnd", "db"}, {"ndb", "bdn"}, {"dn", "d"},
    };
    reduction_of(draft, number_dtype(draft), pairs, COUNT_OF(pairs));
}

static void layout_argmax(Draft *draft) {
    reduction_of(draft, number_dtype(draft), rows, COUNT_OF(rows));
}

static void layout_along(Draft *draft) { reduction_of(draft, DTYPE_F32, rows, COUNT_OF(rows)); }

static void layout_contract(Draft *draft) {
    static const char *const triples[][3] = {
        {"bnd", "df", "d"},  {"bnd", "fd", "d"},    {"bnhe", "bmhe", "e"}, {"bnd", "bnf", "bn"},
        {"d", "d", "d"},     {"bhnm", "bmhe", "m"}, {"bnf", "dhf", "f"},   {"bnhe", "hed", "he"},
        {"nd", "bnd", "dn"}, {"bne", "mbe", "e"},   {"d", "bdf", "d"},
    };
    const char *const *triple = triples[draft->seed % COUNT_OF(triples)];
    add_tensor(draft, DTYPE_F32, triple[0]);
    add_tensor(draft, DTYPE_F32, triple[1]);
    draft->node.attributes.axes = word_axes(draft, triple[2]);
}

static void layout_cross_entropy(Draft *draft) {
    static const char *const pairs[][2] = {
        {"bnv", "bn"}, {"v", ""}, {"bv", "b"}, {"vn", "n"}, {"bnv", "b"}, {"nv", "nb"},
    };
    const char *const *pair = pairs[draft->seed % COUNT_OF(pairs)];
    add_tensor(draft, DTYPE_F32, pair[0]);
    add_positions(draft, "b", pair[1], 'v', false);
    draft->node.attributes.axes = word_axes(draft, "v");
}

static void layout_gather(Draft *draft) {
    static const char *const pairs[][2] = {
        {"vd", "bn"}, {"v", ""}, {"dv", "n"}, {"nvd", "bn"}, {"bv", "b"}, {"vd", "b"},
    };
    const char *const *pair = pairs[draft->seed % COUNT_OF(pairs)];
    add_tensor(draft, number_dtype(draft), pair[0]);
    add_positions(draft, "b", pair[1], 'v', true);
    draft->node.attributes.axes = word_axes(draft, "v");
}

static void layout_scatter_add(Draft *draft) {
    static const char *const triples[][3] = {
        {"bn", "bnd", "vbn"}, {"n", "n", "vn"},  {"bn", "bnd", "vb"}, {"", "d", "v"},
        {"n", "d", "vnd"},    {"b", "ndb", "v"}, {"bn", "", "vnb"},
    };
    const char *const *triple = triples[draft->seed % COUNT_OF(triples)];
    add_positions(draft, "a", triple[0], 'v', true);
    add_tensor(draft, DTYPE_F32, triple[1]);
    draft->node.attributes.axes = word_axes(draft, triple[2]);
}

static void layout_shift(Draft *draft) {
    static const char *const pairs[][2] = {
        {"bnd", "d"}, {"n", ""}, {"bn", "b"}, {"nd", "b"}, {"dn", "d"}, {"bnd", ""},
    };
    static const int64_t amounts[] = {1, -1, 3, 0, 40, -2, INT64_MAX, 1};
    const char *const *pair = pairs[draft->seed % COUNT_OF(pairs)];
    const DType dtype = number_dtype(draft);
    add_tensor(draft, dtype, pair[0]);
    add_tensor(draft, dtype, pair[1]);
    draft->node.attributes.axes = word_axes(draft, "n");
    draft->node.attributes.amount = amounts[draft->seed / 2 % COUNT_OF(amounts)];
}

static void layout_update_slice(Draft *draft) {
    static const char *const pairs[][2] = {
        {"bnd", "bd"}, {"n", ""}, {"bn", "b"}, {"bhnd", "bdh"}, {"nd", "d"}, {"bdn", "d"},
    };
    const char *const *pair = pairs[draft->seed % COUNT_OF(pairs)];
    const DType dtype = number_dtype(draft);
    add_tensor(draft, dtype, pair[0]);
    add_positions(draft, "b", "", 'n', true);
    add_tensor(draft, dtype, pair[1]);
    draft->node.attributes.axes = word_axes(draft, "n");
}

static void layout_rename(Draft *draft) {
    static const char *const words[] = {"bnd", "n", "dn", "nb"};
    add_tensor(draft, number_dtype(draft), pick(draft, words, COUNT_OF(words)));
    int64_t extent = graph_axis(draft->function, letter_axis(draft, 'n'))->extent;
    AxisId to = function_axis(draft->function, "to", extent);
    draft->node.attributes.axes = axes_of((AxisId[]){letter_axis(draft, 'n'), to}, 2);
}

/* Of n, which is `outer` rows of `inner`; not every extent divides. */
static void add_parts(Draft *draft, AxisId *outer, AxisId *inner) {
    const int64_t extent = graph_axis(draft->function, letter_axis(draft, 'n'))->extent;
    const int64_t of_inner = extent % 4 == 0 && draft->seed % 2 ? 4 : draft->seed % 5 ? extent : 1;
    *outer = function_axis(draft->function, "outer", extent / of_inner);
    *inner = function_axis(draft->function, "inner", of_inner);
}

static void layout_split(Draft *draft) {
    static const char *const words[] = {"bnd", "n", "dn", "nb"};
    AxisId outer, inner;
    add_tensor(draft, number_dtype(draft), pick(draft, words, COUNT_OF(words)));
    add_parts(draft, &outer, &inner);
    draft->node.attributes.axes = axes_of((AxisId[]){letter_axis(draft, 'n'), outer, inner}, 3);
}

static void layout_merge(Draft *draft) {
    AxisId outer, inner;
    add_parts(draft, &outer, &inner);
    const AxisId d = letter_axis(draft, 'd'), n = letter_axis(draft, 'n');
    const AxisId orders[][3] = {{outer, d, inner}, {d, outer, inner}, {inner, outer, d}};
    const Axes axes = axes_of(orders[draft->seed % COUNT_OF(orders)], 3);
    add_axes(draft, number_dtype(draft), &axes);
    draft->node.attributes.axes = axes_of((AxisId[]){outer, inner, n}, 3);
}

/* --- attention --- */

enum { BODY_SCALE, BODY_CAUSAL, BODY_STRICT, BODY_BIAS, BODY_KINDS };

static NodeId body_mask(Function *body, OpCode op, NodeId score) {
    NodeId column = build_index(body, function_find_axis(body, "m"));
    NodeId row = build_index(body, function_find_axis(body, "n"));
    NodeId nowhere = build_const(body, DTYPE_F32, -INFINITY);
    return build_select(body, build_binary(body, op, column, row), score, nowhere);
}

/* score * 1/2; masked to m <= n, or m < n (whose first row is all -inf); or tanh(score) + x0. */
static Function *attention_body(Draft *draft, int kind, const Axes *score, const Axes *extra) {
    Function *body = function_create(draft->arena, "score");
    function_copy_axes(body, draft->function);
    NodeId s = build_input(body, "score", DTYPE_F32, score);
    NodeId half = build_const(body, DTYPE_F32, 0.5);
    NodeId result = build_binary(body, OP_MUL, s, half);
    if (kind == BODY_CAUSAL || kind == BODY_STRICT)
        result = body_mask(body, kind == BODY_STRICT ? OP_LESS : OP_LESS_EQUAL, result);
    if (kind == BODY_BIAS)
        result = build_binary(body, OP_ADD, build_unary(body, OP_TANH, s),
                              build_input(body, "x0", DTYPE_F32, extra));
    function_output(body, "score", result, NULL);
    return body;
}

static void layout_attention(Draft *draft) {
    static const char *const triples[][3] = {
        {"bnhe", "bmhe", "bmhe"}, {"ne", "me", "me"},     {"bnhe", "bme", "bme"},
        {"hne", "hme", "mhd"},    {"bhne", "bmhe", "mf"},
    };
    const char *const *triple = triples[draft->seed % COUNT_OF(triples)];
    const int kind = (int)(draft->seed / 2 % BODY_KINDS);
    for (int i = 0; i < 3; i++)
        add_tensor(draft, DTYPE_F32, triple[i]);
    draft->node.attributes.axes = word_axes(draft, "em");
    const Axes over = word_axes(draft, "e"), extra = word_axes(draft, "nm");
    const Axes query = word_axes(draft, triple[0]), key = word_axes(draft, triple[1]);
    Axes score = axes_union(&query, &key);
    score = axes_minus(&score, &over);
    if (kind == BODY_BIAS)
        add_source(draft, add_input(draft, OP_INPUT, "x0", DTYPE_F32, &extra, 0, 0));
    draft->node.attributes.body = attention_body(draft, kind, &score, &extra);
}

/* Query, key and value as above, the results of attention on them, and a gradient. */
static void layout_attention_grad(Draft *draft) {
    layout_attention(draft);
    Node attention = draft->node;
    attention.op = OP_ATTENTION;
    attention.sources = draft->sources;
    NodeId several = graph_add(draft->function, attention);
    const bool has_extra = draft->node.source_count == 4;
    NodeId extra = draft->sources[3];
    draft->node.source_count = 3;
    NodeId output = add_source(draft, build_result(draft->function, several, 0));
    add_source(draft, build_result(draft->function, several, 1));
    const Axes axes = graph_node(draft->function, output)->axes;
    add_source(draft, add_input(draft, OP_PARAM, "d_output", DTYPE_F32, &axes, 0, 0));
    if (has_extra)
        add_source(draft, extra);
}

/* --- the whole --- */

static void add_outputs(Draft *draft) {
    const Node *node = graph_node(draft->function, draft->sample->node);
    if (node->dtype != DTYPE_NONE) {
        function_output(draft->function, "y", draft->sample->node, NULL);
        return;
    }
    for (uint32_t i = 0; i < graph_result_count(node); i++) {
        NodeId result = build_result(draft->function, draft->sample->node, i);
        function_output(draft->function, arena_printf(draft->arena, "y.%u", i), result, NULL);
        node = graph_node(draft->function, draft->sample->node);
    }
}

/* For every third seed, the result's axes the other way round. */
static void ask_for_order(Draft *draft) {
    Node trial = draft->node;
    if (draft->seed % 3 != 2 || draft->op == OP_RENAME || graph_check(draft->function, &trial))
        return;
    for (int i = 0; i < trial.axes.count; i++)
        draft->node.axes.at[i] = trial.axes.at[trial.axes.count - 1 - i];
    draft->node.axes.count = trial.axes.count;
}

bool op_sample(OpCode op, uint64_t seed, Arena *arena, OpSample *sample) {
    Layout *const layouts[OP_COUNT] = {
#define OP(ID, name, arity, shape, ...) layout_##shape,
#include "ir/ops.def"
#undef OP
    };
    Domain *const domains[OP_COUNT] = {
#define OP(ID, name, arity, shape, gradient, value, emit, sample, doc) domain_##sample,
#include "ir/ops.def"
#undef OP
    };
    if (!domains[op])
        return false;
    *sample = (OpSample){.function = function_create(arena, op_table[op].name)};
    Draft draft = {.sample = sample,
                   .function = sample->function,
                   .arena = arena,
                   .seed = seed,
                   .state = seed * 1000 + (uint64_t)op,
                   .op = op,
                   .domain = domains[op],
                   .node = {.op = op}};
    draft.node.sources = draft.sources;
    layouts[op](&draft);
    draft.node.sources = draft.sources;
    ask_for_order(&draft);
    sample->node = graph_add(sample->function, draft.node);
    add_outputs(&draft);
    return true;
}
