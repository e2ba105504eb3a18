/* Sums of products.
 *
 * A contraction is made exactly where it is a matrix product: both factors have all summed axes,
 * and each has an axis that the other lacks. All other sums of products stay (or become) `sum` of
 * `mul`, which run as loops: a dot product of two rows gains nothing from a GEMM.
 *
 * For sum[S](a * b * ...): factors without any axis of S go outside the sum (unless the product is
 * needed as it is); an axis of S that one side alone has is summed there first; products under the
 * sum are taken apart (if nothing else needs them) and divided into the two sides of a matrix
 * product, if they can be. A sum of a sum, or of a contraction, is one.
 *
 * Each rule leaves fewer axes or fewer factors under a sum, or makes the contraction; and a
 * contraction becomes a sum only where is_matrix_product says no, a sum a contraction only where it
 * says yes. */
#include "passes/simplify.h"

enum { MAX_FACTORS = 8 };

typedef struct Factors {
    int count;
    NodeId at[MAX_FACTORS];
} Factors;

static Axes axes_at(const Simplifier *simplifier, NodeId id) {
    return graph_node(simplifier->to, id)->axes;
}

/* The axes of `a` that are neither summed nor the other side's. */
static Axes free_axes(const Axes *a, const Axes *other, const Axes *summed) {
    const Axes own = axes_minus(a, other);
    return axes_minus(&own, summed);
}

static bool is_matrix_product(const Axes *a, const Axes *b, const Axes *summed) {
    return axes_subset(summed, a) && axes_subset(summed, b) && free_axes(a, b, summed).count > 0 &&
           free_axes(b, a, summed).count > 0;
}

/* NODE_NONE stands for the product of nothing. */
static NodeId multiply(Simplifier *simplifier, NodeId a, NodeId b) {
    if (a == NODE_NONE || b == NODE_NONE)
        return a == NODE_NONE ? b : a;
    return simplify_binary(simplifier, OP_MUL, a, b, NULL);
}

/* In this order whatever the factors' own. */
static NodeId multiply_as(Simplifier *simplifier, NodeId a, NodeId b, const Axes *order) {
    return simplify_binary(simplifier, OP_MUL, a, b, order);
}

static NodeId contract_as(Simplifier *simplifier, NodeId a, NodeId b, const Axes *summed,
                          const Axes *order) {
    const NodeId sources[] = {a, b};
    return simplify_add(simplifier, (Node){.op = OP_CONTRACT,
                                           .axes = *order,
                                           .source_count = 2,
                                           .sources = sources,
                                           .attributes = {.axes = *summed}});
}

/* --- two factors --- */

/* sum[summed](a * b) where a lacks all of `summed`: a * sum[summed](b). */
static NodeId pull_out(Simplifier *simplifier, const Node *sum, NodeId a, NodeId b) {
    const NodeId rest = simplify_sum(simplifier, b, &sum->attributes.axes, NULL);
    return multiply_as(simplifier, a, rest, &sum->axes);
}

/* Axes of the sum that a alone or b alone has are summed there. */
static NodeId sum_sides_first(Simplifier *simplifier, const Node *sum, NodeId a, NodeId b) {
    const Axes of_a = axes_at(simplifier, a), of_b = axes_at(simplifier, b);
    const Axes *summed = &sum->attributes.axes;
    const Axes a_alone = axes_minus(summed, &of_b), b_alone = axes_minus(summed, &of_a);
    Axes both = axes_intersection(summed, &of_a);
    both = axes_intersection(&both, &of_b);
    a = simplify_sum(simplifier, a, &a_alone, NULL);
    b = simplify_sum(simplifier, b, &b_alone, NULL);
    if (both.count == 0)
        return multiply_as(simplifier, a, b, &sum->axes);
    return simplify_sum(simplifier, multiply(simplifier, a, b), &both, &sum->axes);
}

/* --- more factors --- */

/* Takes products apart that nothing else needs; as many as there is room for. */
static void flatten(const Simplifier *simplifier, Factors *factors) {
    for (int i = 0; i < factors->count && factors->count < MAX_FACTORS;) {
        const Node *node = graph_node(simplifier->to, factors->at[i]);
        if (node->op != OP_MUL || !simplify_single_use(simplifier, factors->at[i])) {
            i++;
            continue;
        }
        factors->at[i] = node->sources[0];
        factors->at[factors->count++] = node->sources[1];
    }
}

static bool meets(const Axes *a, const Axes *b) { return axes_intersection(a, b).count > 0; }

/* Moves the factors without any summed axis into a product of their own; NODE_NONE: there are none.
 */
static NodeId take_outside(Simplifier *simplifier, Factors *factors, const Axes *summed) {
    NodeId outside = NODE_NONE;
    int kept = 0;
    for (int i = 0; i < factors->count; i++) {
        const NodeId factor = factors->at[i];
        const Axes axes = axes_at(simplifier, factor);
        if (meets(&axes, summed))
            factors->at[kept++] = factor;
        else
            outside = multiply(simplifier, outside, factor);
    }
    factors->count = kept;
    return outside;
}

static NodeId product_of(Simplifier *simplifier, const Factors *factors) {
    NodeId product = NODE_NONE;
    for (int i = 0; i < factors->count; i++)
        product = multiply(simplifier, product, factors->at[i]);
    return product;
}

/* The two factors that make the largest matrix product over the summed axes that both have. */
static bool choose_seeds(const Simplifier *simplifier, const Factors *factors, const Axes *summed,
                         int seeds[2]) {
    int64_t largest = 0;
    for (int i = 0; i < factors->count; i++)
        for (int j = i + 1; j < factors->count; j++) {
            const Node *a = graph_node(simplifier->to, factors->at[i]);
            const Node *b = graph_node(simplifier->to, factors->at[j]);
            Axes shared = axes_intersection(summed, &a->axes);
            shared = axes_intersection(&shared, &b->axes);
            if (shared.count == 0 || !free_axes(&a->axes, &b->axes, summed).count ||
                !free_axes(&b->axes, &a->axes, summed).count)
                continue;
            const int64_t elements =
                graph_elements(simplifier->to, a) + graph_elements(simplifier->to, b);
            if (elements <= largest)
                continue;
            largest = elements;
            seeds[0] = i;
            seeds[1] = j;
        }
    return largest > 0;
}

/* Elements of a product of tensors with these axes; INT64_MAX where no tensor can have so many. */
static int64_t product_elements(const Simplifier *simplifier, const Axes *a, const Axes *b) {
    const Axes fresh = axes_minus(b, a);
    if (a->count + fresh.count > MAX_AXES)
        return INT64_MAX;
    int64_t elements = graph_elements(simplifier->to, &(Node){.axes = *a});
    for (int i = 0; i < fresh.count; i++)
        if (__builtin_mul_overflow(elements, graph_axis(simplifier->to, fresh.at[i])->extent,
                                   &elements) ||
            elements > MAX_ELEMENTS)
            return INT64_MAX;
    return elements;
}

/* Divides the factors into two sides about the seeds: each joins the side where their product is
 * the smaller tensor. False if that is no matrix product. */
static bool divide(Simplifier *simplifier, const Factors *factors, const Axes *summed,
                   Factors sides[2]) {
    int seeds[2];
    if (!choose_seeds(simplifier, factors, summed, seeds))
        return false;
    Axes axes[2];
    for (int side = 0; side < 2; side++) {
        sides[side] = (Factors){.count = 1, .at = {factors->at[seeds[side]]}};
        axes[side] = axes_at(simplifier, factors->at[seeds[side]]);
    }
    for (int i = 0; i < factors->count; i++) {
        if (i == seeds[0] || i == seeds[1])
            continue;
        const Axes own = axes_at(simplifier, factors->at[i]);
        const int64_t first = product_elements(simplifier, &axes[0], &own);
        const int64_t second = product_elements(simplifier, &axes[1], &own);
        const int side = second < first;
        if ((side ? second : first) == INT64_MAX)
            return false;
        sides[side].at[sides[side].count++] = factors->at[i];
        axes[side] = axes_union(&axes[side], &own);
    }
    Axes shared = axes_intersection(summed, &axes[0]);
    shared = axes_intersection(&shared, &axes[1]);
    const Axes a = axes_minus(&axes[0], summed), b = axes_minus(&axes[1], summed);
    return shared.count > 0 && !axes_subset(&a, &b) && !axes_subset(&b, &a);
}

static NodeId sum_of_factors(Simplifier *simplifier, const Node *sum, NodeId a, NodeId b) {
    const Axes *summed = &sum->attributes.axes;
    Factors factors = {.count = 2, .at = {a, b}};
    flatten(simplifier, &factors);
    if (factors.count == 2)
        return NODE_NONE;
    const NodeId outside = take_outside(simplifier, &factors, summed);
    if (outside != NODE_NONE) {
        const NodeId inside = product_of(simplifier, &factors);
        return pull_out(simplifier, sum, outside, inside);
    }
    Factors sides[2];
    if (!divide(simplifier, &factors, summed, sides))
        return NODE_NONE;
    const NodeId left = product_of(simplifier, &sides[0]);
    const NodeId right = product_of(simplifier, &sides[1]);
    return sum_sides_first(simplifier, sum, left, right);
}

/* --- the rules --- */

/* Whether to sum something else than the product: not if it is there anyway, and no larger than one
 * of its factors. */
static bool is_worth_taking_apart(const Simplifier *simplifier, NodeId product, NodeId a,
                                  NodeId b) {
    const Axes all = axes_at(simplifier, product);
    const Axes of_a = axes_at(simplifier, a), of_b = axes_at(simplifier, b);
    return simplify_single_use(simplifier, product) ||
           (!axes_subset(&all, &of_a) && !axes_subset(&all, &of_b));
}

static NodeId sum_of_product(Simplifier *simplifier, const Node *sum) {
    const NodeId product = sum->sources[0];
    const NodeId a = graph_node(simplifier->to, product)->sources[0];
    const NodeId b = graph_node(simplifier->to, product)->sources[1];
    const Axes of_a = axes_at(simplifier, a), of_b = axes_at(simplifier, b);
    const Axes *summed = &sum->attributes.axes;
    if (is_matrix_product(&of_a, &of_b, summed))
        return contract_as(simplifier, a, b, summed, &sum->axes);
    if (!is_worth_taking_apart(simplifier, product, a, b))
        return NODE_NONE;
    if (!meets(&of_a, summed))
        return pull_out(simplifier, sum, a, b);
    if (!meets(&of_b, summed))
        return pull_out(simplifier, sum, b, a);
    if (!axes_subset(summed, &of_a) || !axes_subset(summed, &of_b))
        return sum_sides_first(simplifier, sum, a, b);
    return sum_of_factors(simplifier, sum, a, b);
}

/* sum[t](contract[s](a, b)): what one side alone has is summed there, the rest joins s. */
static NodeId sum_of_contract(Simplifier *simplifier, const Node *sum, const Node *contract) {
    const Axes *summed = &sum->attributes.axes;
    const Axes of_a = axes_at(simplifier, contract->sources[0]);
    const Axes of_b = axes_at(simplifier, contract->sources[1]);
    const Axes a_alone = axes_minus(summed, &of_b), b_alone = axes_minus(summed, &of_a);
    const Axes in_a = axes_intersection(summed, &of_a), both = axes_intersection(&in_a, &of_b);
    const Axes all = axes_union(&contract->attributes.axes, &both);
    const NodeId a = simplify_sum(simplifier, contract->sources[0], &a_alone, NULL);
    const NodeId b = simplify_sum(simplifier, contract->sources[1], &b_alone, NULL);
    return contract_as(simplifier, a, b, &all, &sum->axes);
}

static NodeId rule_sum(Simplifier *simplifier, const Node *sum) {
    const NodeId a = sum->sources[0];
    const Node *node = graph_node(simplifier->to, a);
    if (node->op == OP_MUL && sum->dtype == DTYPE_F32)
        return sum_of_product(simplifier, sum);
    if (!simplify_single_use(simplifier, a))
        return NODE_NONE;
    if (node->op == OP_CONTRACT)
        return sum_of_contract(simplifier, sum, node);
    if (node->op != OP_SUM)
        return NODE_NONE;
    const Axes all = axes_union(&node->attributes.axes, &sum->attributes.axes);
    return simplify_sum(simplifier, node->sources[0], &all, &sum->axes);
}

static NodeId rule_contract(Simplifier *simplifier, const Node *contract) {
    const NodeId a = contract->sources[0], b = contract->sources[1];
    const Axes of_a = axes_at(simplifier, a), of_b = axes_at(simplifier, b);
    if (is_matrix_product(&of_a, &of_b, &contract->attributes.axes) ||
        product_elements(simplifier, &of_a, &of_b) == INT64_MAX)
        return NODE_NONE;
    return simplify_sum(simplifier, multiply(simplifier, a, b), &contract->attributes.axes,
                        &contract->axes);
}

NodeId product_rule(Simplifier *simplifier, const Node *node) {
    return node->op == OP_SUM ? rule_sum(simplifier, node) : rule_contract(simplifier, node);
}
