#include "runtime/commands/data.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

Test(commands, data_says_what_there_is) {
    const DataSettings settings = {.source = "digits", .validation = 0.1, .test = 0.2};
    char *text = NULL;
    size_t size;
    RunError error = {0};
    FILE *out = open_memstream(&text, &size);
    cr_assert(commands_data(&settings, 17, false, out, &error), "%s", error.text);
    fclose(out);
    cr_expect(strstr(text, "1797 images of 8 x 8, 17 colours, 10 classes"), "%s", text);
    cr_expect(strstr(text, "validation       179"), "%s", text);
    cr_expect(strstr(text, "2.8332 nats/token  4.0875 bits/token"), "%s", text);
    free(text);
    out = open_memstream(&text, &size);
    cr_assert(commands_data(&settings, 0, true, out, &error), "%s", error.text);
    fclose(out);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert(json, "%s", text);
    int test = 0;
    cr_assert_eq(json_unpack(json, "{s{s{si}}}", "splits", "test", "images", &test), 0);
    cr_expect_eq(test, 359);
    json_decref(json);
    free(text);
}

Test(commands, data_that_does_not_fit_is_refused) {
    const DataSettings settings = {.source = "digits", .validation = 0.1, .test = 0.2};
    RunError error = {0};
    cr_expect_not(commands_data(&settings, 16, false, stderr, &error));
    cr_expect(strstr(error.text, "17"), "%s", error.text);
    const DataSettings missing = {.source = "/nowhere"};
    cr_expect_not(commands_data(&missing, 0, false, stderr, &error));
    cr_expect_eq(error.code, EXIT_INPUT);
}
