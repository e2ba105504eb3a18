#include "tests/unit/runtime_model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = MODEL_POSITIONS, TILE = 16 };

/* Extents are compiled in elsewhere; here the chunk's size is an immediate, which grad_w and the
 * others take as their first. */

static void init(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                 int64_t last) {
    (void)immediates, (void)scratch, (void)first, (void)last;
    const int32_t *seed = (const int32_t *)(const void *)operands[0];
    float *w = (float *)(void *)operands[1], *c = (float *)(void *)operands[2];
    for (int i = 0; i < N; i++)
        w[i] = 0.01f * (float)((*seed * 31 + i * 17) % 13 - 6);
    *c = 0;
    memset(operands[3], 0, N * sizeof(float));
    memset(operands[4], 0, sizeof(float));
}

static void predict(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                    int64_t last) {
    (void)immediates;
    const float *w = (const float *)(const void *)operands[0];
    const float *c = (const float *)(const void *)operands[1];
    const int32_t *tokens = (const int32_t *)(const void *)operands[2];
    float *p = (float *)(void *)operands[3], *row = (float *)(void *)scratch;
    for (int64_t image = first; image < last; image++) {
        for (int i = 0; i < N; i++)
            row[i] = w[i] * (float)tokens[image * N + i];
        float sum = *c;
        for (int i = 0; i < N; i++)
            sum += row[i] / 16;
        p[image] = sum;
    }
}

static void loss_weighted(char *const *operands, const int64_t *immediates, char *scratch,
                          int64_t first, int64_t last) {
    (void)scratch, (void)first, (void)last;
    const float *p = (const float *)(const void *)operands[0];
    const int32_t *label = (const int32_t *)(const void *)operands[1];
    const float *weight = (const float *)(const void *)operands[2];
    float *loss = (float *)(void *)operands[3], *dp = (float *)(void *)operands[4];
    *loss = 0;
    for (int64_t i = 0; i < immediates[0]; i++) {
        float difference = p[i] - (float)label[i] / 10;
        *loss += weight[i] * difference * difference;
        dp[i] = 2 * weight[i] * difference;
    }
}

static void grad_w(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                   int64_t last) {
    (void)scratch;
    const float *dp = (const float *)(const void *)operands[0];
    const int32_t *tokens = (const int32_t *)(const void *)operands[1];
    float *gradient = (float *)(void *)operands[2];
    for (int64_t i = first * TILE; i < last * TILE; i++) {
        gradient[i] = 0;
        for (int64_t image = 0; image < immediates[0]; image++)
            gradient[i] += dp[image] * (float)tokens[image * N + i] / 16;
    }
}

static void grad_c(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                   int64_t last) {
    (void)scratch, (void)first, (void)last;
    const float *dp = (const float *)(const void *)operands[0];
    float *gradient = (float *)(void *)operands[1];
    *gradient = 0;
    for (int64_t i = 0; i < immediates[0]; i++)
        *gradient += dp[i];
}

static void loss_each(char *const *operands, const int64_t *immediates, char *scratch,
                      int64_t first, int64_t last) {
    (void)immediates, (void)scratch;
    const float *p = (const float *)(const void *)operands[0];
    const int32_t *label = (const int32_t *)(const void *)operands[1];
    float *loss = (float *)(void *)operands[2], *close = (float *)(void *)operands[3];
    for (int64_t i = first; i < last; i++) {
        float difference = p[i] - (float)label[i] / 10;
        loss[i] = difference * difference;
        close[i] = fabsf(difference) < 0.05f ? 1 : 0;
    }
}

/* m = 0.9 m + g; w = w - rate m, for immediates[0] elements in as many tiles as there are. */
static void momentum(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                     int64_t last) {
    (void)scratch;
    const float *w = (const float *)(const void *)operands[0];
    const float *g = (const float *)(const void *)operands[1];
    const float *m = (const float *)(const void *)operands[2];
    const float *rate = (const float *)(const void *)operands[3];
    float *w_next = (float *)(void *)operands[4], *m_next = (float *)(void *)operands[5];
    for (int64_t i = first * immediates[0]; i < last * immediates[0]; i++) {
        m_next[i] = 0.9f * m[i] + g[i];
        w_next[i] = w[i] - *rate * m_next[i];
    }
}

static const struct {
    const char *symbol;
    KernelFunction code;
} kernels[] = {
    {"init", init},           {"predict", predict},     {"loss_weighted", loss_weighted},
    {"grad_w", grad_w},       {"grad_c", grad_c},       {"loss_each", loss_each},
    {"momentum_w", momentum}, {"momentum_c", momentum},
};
enum { KERNEL_COUNT = sizeof kernels / sizeof kernels[0] };

/* ' stands for ", B for the chunk's size, T for its number of tokens. */
static const char plan_template[] =
    "{'scanline_plan':7,'target':'test','table':'none','kernels':["
    "{'symbol':'init','tiles':1,'scratch':0,'flops':0,'bytes':0,'immediates':0,'outputs':4,"
    "'operands':[['i32',1],['f32',64],['f32',1],['f32',64],['f32',1]]},"
    "{'symbol':'predict','tiles':B,'scratch':256,'flops':1,'bytes':1,'immediates':0,'outputs':1,"
    "'operands':[['f32',64],['f32',1],['i32',T],['f32',B]]},"
    "{'symbol':'loss_weighted','tiles':1,'scratch':0,'flops':0,'bytes':0,'immediates':1,"
    "'outputs':2,'operands':[['f32',B],['i32',B],['f32',B],['f32',1],['f32',B]]},"
    "{'symbol':'grad_w','tiles':4,'scratch':0,'flops':0,'bytes':0,'immediates':1,'outputs':1,"
    "'operands':[['f32',B],['i32',T],['f32',64]]},"
    "{'symbol':'grad_c','tiles':1,'scratch':0,'flops':0,'bytes':0,'immediates':1,'outputs':1,"
    "'operands':[['f32',B],['f32',1]]},"
    "{'symbol':'loss_each','tiles':B,'scratch':0,'flops':0,'bytes':0,'immediates':0,'outputs':2,"
    "'operands':[['f32',B],['i32',B],['f32',B],['f32',B]]},"
    "{'symbol':'momentum_w','tiles':4,'scratch':0,'flops':0,'bytes':0,'immediates':1,'outputs':2,"
    "'operands':[['f32',64],['f32',64],['f32',64],['f32',1],['f32',64],['f32',64]]},"
    "{'symbol':'momentum_c','tiles':1,'scratch':0,'flops':0,'bytes':0,'immediates':1,'outputs':2,"
    "'operands':[['f32',1],['f32',1],['f32',1],['f32',1],['f32',1],['f32',1]]}"
    "],'functions':["
    "{'name':'init','arena':0,'own':0,'inputs':[{'name':'$seed','type':'i32','axes':[],'donated':-1}],"
    "'outputs':[{'name':'w','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'c','type':'f32','axes':[],'donated':-1},"
    "{'name':'w:m','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'c:m','type':'f32','axes':[],'donated':-1}],"
    "'buffers':[['input',0],['output',0],['output',1],['output',2],['output',3]],"
    "'steps':[{'kernel':0,'operands':[0,1,2,3,4],'immediates':[],'origin':'init "
    "test.scan:1:1','places':[['test.scan',1]]}]},"

    "{'name':'grad','arena':1024,'own':512,'inputs':["
    "{'name':'w','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'c','type':'f32','axes':[],'donated':-1},"
    "{'name':'tokens','type':'i32','axes':[['b',B],['n',64]],'donated':-1},"
    "{'name':'label','type':'i32','axes':[['b',B]],'donated':-1},"
    "{'name':'$weight','type':'f32','axes':[['b',B]],'donated':-1}],"
    "'outputs':[{'name':'loss','type':'f32','axes':[],'donated':-1},"
    "{'name':'grad:w','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'grad:c','type':'f32','axes':[],'donated':-1}],"
    "'buffers':[['input',0],['input',1],['input',2],['input',3],['input',4],"
    "['arena','f32',B,0],['arena','f32',B,512],['output',0],['output',1],['output',2]],"
    "'steps':[{'kernel':1,'operands':[0,1,2,5],'immediates':[],'origin':'p "
    "test.scan:2:1','places':[['test.scan',2]]},"
    "{'kernel':2,'operands':[5,3,4,7,6],'immediates':[B],'origin':'loss "
    "test.scan:3:1','places':[['test.scan',3]]},"
    "{'kernel':3,'operands':[6,2,8],'immediates':[B],'origin':'grad w "
    "test.scan:2:5','places':[['test.scan',2]]},"
    "{'kernel':4,'operands':[6,9],'immediates':[B],'origin':'grad c "
    "test.scan:2:9','places':[['test.scan',2]]}]},"

    "{'name':'eval','arena':0,'own':512,'inputs':["
    "{'name':'w','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'c','type':'f32','axes':[],'donated':-1},"
    "{'name':'tokens','type':'i32','axes':[['b',B],['n',64]],'donated':-1},"
    "{'name':'label','type':'i32','axes':[['b',B]],'donated':-1}],"
    "'outputs':[{'name':'loss','type':'f32','axes':[['b',B]],'donated':-1},"
    "{'name':'metric.close','type':'f32','axes':[['b',B]],'donated':-1}],"
    "'buffers':[['input',0],['input',1],['input',2],['input',3],['own','f32',B,0],"
    "['output',0],['output',1]],"
    "'steps':[{'kernel':1,'operands':[0,1,2,4],'immediates':[],'origin':'p "
    "test.scan:2:1','places':[['test.scan',2]]},"
    "{'kernel':5,'operands':[4,3,5,6],'immediates':[],'origin':'loss "
    "test.scan:3:1','places':[['test.scan',3]]}]},"

    "{'name':'update','arena':0,'own':0,'inputs':["
    "{'name':'w','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'grad:w','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'w:m','type':'f32','axes':[['n',64]],'donated':-1},"
    "{'name':'$scalar.0','type':'f32','axes':[],'donated':-1},"
    "{'name':'c','type':'f32','axes':[],'donated':-1},"
    "{'name':'grad:c','type':'f32','axes':[],'donated':-1},"
    "{'name':'c:m','type':'f32','axes':[],'donated':-1}],"
    "'outputs':[{'name':'w','type':'f32','axes':[['n',64]],'donated':0},"
    "{'name':'w:m','type':'f32','axes':[['n',64]],'donated':2},"
    "{'name':'c','type':'f32','axes':[],'donated':-1},"
    "{'name':'c:m','type':'f32','axes':[],'donated':6}],"
    "'buffers':[['input',0],['input',1],['input',2],['input',3],['input',4],['input',5],"
    "['input',6],['output',0],['output',1],['output',2],['output',3]],"
    "'steps':[{'kernel':6,'operands':[0,1,2,3,7,8],'immediates':[16],'origin':'w "
    "test.scan:9:3','places':[['test.scan',9]]},"
    "{'kernel':7,'operands':[4,5,6,3,9,10],'immediates':[1],'origin':'c "
    "test.scan:9:3','places':[['test.scan',9]]}]}"
    "]}";

char *test_model_plan_text(int64_t b) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert(stream);
    for (const char *at = plan_template; *at; at++) {
        bool number = at[-(at > plan_template)] == ',' || at[-(at > plan_template)] == ':' ||
                      at[-(at > plan_template)] == '[';
        if (*at == '\'')
            putc('"', stream);
        else if (number && *at == 'B')
            fprintf(stream, "%lld", (long long)b);
        else if (number && *at == 'T')
            fprintf(stream, "%lld", (long long)b * N);
        else
            putc(*at, stream);
    }
    fclose(stream);
    return text;
}

static void settings_fill(TestModel *model) {
    static const char *const keys[] = {"train.batch", "train.chunks", "train.steps", "rate"};
    const TrainSettings *train = &model->experiment.train;
    snprintf(model->values[0], sizeof model->values[0], "%lld", (long long)train->batch);
    snprintf(model->values[1], sizeof model->values[1], "%lld", (long long)train->chunks);
    snprintf(model->values[2], sizeof model->values[2], "%lld", (long long)train->steps);
    snprintf(model->values[3], sizeof model->values[3], "%g", model->instructions[0].value);
    for (int i = 0; i < 4; i++)
        model->settings[i] = (Setting){keys[i], model->values[i], "test.scan:1:1", i == 3};
    model->experiment.settings = model->settings;
    model->experiment.setting_count = 4;
}

static void experiment_fill(TestModel *model, int64_t batch, int64_t chunks, int64_t steps) {
    Parameter w = {.path = "w", .axis_count = 1, .axes = {"n"}, .extents = {N}, .elements = N};
    Parameter c = {.path = "c", .elements = 1};
    model->parameters[0] = model->states[0] = w;
    model->parameters[1] = model->states[1] = c;
    model->states[0].path = "w:m";
    model->states[1].path = "c:m";
    model->inputs[0] =
        (DataInput){.name = "tokens", .axis_count = 1, .axes = {"n"}, .extents = {N}, .limit = 17};
    model->inputs[1] = (DataInput){.name = "label", .limit = 10};
    model->metrics[0] = "close";
    model->outputs[0] = 2;
    model->experiment = (Experiment){
        .name = "linear",
        .spec = "# a linear model\n",
        .parameters = model->parameters,
        .parameter_count = 2,
        .states = model->states,
        .state_count = 2,
        .inputs = model->inputs,
        .input_count = 2,
        .metrics = model->metrics,
        .metric_count = 1,
        .data = {.source = "digits", .validation = 0.1, .test = 0.2, .seed = 1, .augment = "none"},
        .train = {.objective = "line",
                  .batch = batch,
                  .chunks = chunks,
                  .steps = steps,
                  .seed = 3,
                  .evaluate = 10,
                  .checkpoint = 25},
        .schedule = {.count = 3,
                     .output_count = 1,
                     .instructions = model->instructions,
                     .outputs = model->outputs},
    };
}

TestModel *test_model_create(int64_t batch, int64_t chunks, int64_t steps, double rate) {
    TestModel *model = calloc(1, sizeof *model);
    assert(model);
    model->instructions[0] = (ScalarInstruction){.op = SCALAR_CONST, .value = rate};
    model->instructions[1] = (ScalarInstruction){.op = SCALAR_STEP};
    model->instructions[2] = (ScalarInstruction){.op = SCALAR_DIV, .a = 0, .b = 1};
    experiment_fill(model, batch, chunks, steps);
    settings_fill(model);
    char *text = test_model_plan_text(batch / chunks);
    PlanError error = {{0}};
    model->plan = plan_read(text, strlen(text), &error);
    if (!model->plan)
        fprintf(stderr, "%s\n", error.text);
    assert(model->plan);
    free(text);
    model->kernels = calloc(KERNEL_COUNT, sizeof *model->kernels);
    assert(model->kernels && model->plan->kernel_count == KERNEL_COUNT);
    for (uint32_t i = 0; i < KERNEL_COUNT; i++)
        for (uint32_t k = 0; k < KERNEL_COUNT; k++)
            if (strcmp(kernels[k].symbol, model->plan->kernels[i].symbol) == 0)
                model->kernels[i] = kernels[k].code;
    model->program =
        (Program){.experiment = &model->experiment, .plan = model->plan, .kernels = model->kernels};
    return model;
}

void test_model_free(TestModel *model) {
    plan_free(model->plan);
    free(model->kernels);
    free(model);
}
