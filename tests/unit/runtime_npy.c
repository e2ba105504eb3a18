/* .npy files: those that NumPy wrote are read, and what is written is byte for byte what NumPy
 * writes. */
#include "runtime/files/file_view.h"
#include "runtime/files/npy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VECTORS SCANLINE_SOURCE_DIR "/tests/unit/vectors/"

static FileView view;
static NpyArray array;

static void open_vector(const char *name) {
    char path[256];
    const char *fault = "";
    snprintf(path, sizeof path, VECTORS "%s", name);
    cr_assert(file_view_open(path, &view), "%s", path);
    cr_assert(npy_parse(view.bytes, view.size, &array, &fault), "%s %s", name, fault);
}

static void close_vector(void) { file_view_close(&view); }

TestSuite(npy, .fini = close_vector);

Test(npy, floats) {
    static const double expected[] = {0, 1, -2, 0.5, 65504, -0.25};
    static const struct {
        const char *name;
        NpyType type;
    } files[] = {{"f4.npy", NPY_F32}, {"f2.npy", NPY_F16}};
    for (size_t i = 0; i < 2; i++) {
        open_vector(files[i].name);
        cr_expect(array.type == files[i].type && array.rank == 2 && array.elements == 6 &&
                  array.extents[0] == 2 && array.extents[1] == 3);
        for (int64_t j = 0; j < 6; j++)
            cr_expect_eq(npy_value(&array, j), expected[j], "%s[%d]", files[i].name, (int)j);
        file_view_close(&view);
    }
}

Test(npy, integers_and_ranks) {
    open_vector("i8.npy");
    cr_expect(array.type == NPY_I64 && array.rank == 1 && array.elements == 2);
    cr_expect_eq(npy_value(&array, 0), -9007199254740992.0);
    file_view_close(&view);
    open_vector("u1.npy");
    cr_expect(array.type == NPY_U8 && array.rank == 3 && array.extents[2] == 4);
    cr_expect_eq(npy_value(&array, 23), 23);
    file_view_close(&view);
    open_vector("scalar.npy");
    cr_expect(array.rank == 0 && array.elements == 1);
    cr_expect_eq(npy_value(&array, 0), 7);
}

Test(npy, writes_what_numpy_writes) {
    static const char *const names[] = {"f4.npy", "i8.npy", "u1.npy", "scalar.npy"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        open_vector(names[i]);
        char path[] = "/tmp/scanline-npy-XXXXXX";
        close(mkstemp(path));
        FileError error;
        cr_assert(npy_write(path, &array, &error), "%s", error.text);
        size_t size;
        char *bytes = file_read(path, 1 << 20, &size, &error);
        cr_assert(bytes, "%s", error.text);
        cr_expect(size == view.size && memcmp(bytes, view.bytes, size) == 0, "%s", names[i]);
        free(bytes);
        unlink(path);
        file_view_close(&view);
    }
}

static void expect_fault(const char *header, size_t data, const char *expected) {
    unsigned char file[512] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const size_t length = strlen(header);
    file[8] = (unsigned char)length;
    memcpy(file + 10, header, length);
    const char *fault = "nothing";
    cr_expect_not(npy_parse(file, 10 + length + data, &array, &fault), "%s", header);
    cr_expect_str_eq(fault, expected, "%s: %s", header, fault);
}

Test(npy, refuses_columns) {
    cr_assert(file_view_open(VECTORS "fortran.npy", &view));
    const char *fault = "nothing";
    cr_expect_not(npy_parse(view.bytes, view.size, &array, &fault));
    cr_expect_str_eq(fault, "is stored column by column (save numpy.ascontiguousarray of it)");
}

Test(npy, refuses_headers) {
    expect_fault("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7,
                 "ends before its last element");
    expect_fault("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9,
                 "has something behind its last element");
    expect_fault("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8,
                 "has its bytes in the other order (save it with .astype of a '<' type)");
    expect_fault("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8,
                 "has elements of a type that isn't read here");
    expect_fault("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8,
                 "holds records, not numbers");
    expect_fault("{'descr': '<f4', 'shape': (2,), }", 8, "has a header that can't be read");
    expect_fault("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}", 8,
                 "has a header that can't be read");
    expect_fault("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 8,
                 "has more elements than there can be");
    expect_fault("{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,), }", 8,
                 "has more elements than there can be");
    expect_fault("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 8,
                 "has a shape that can't be read");
    expect_fault("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4,
                 "has more than 8 axes");
    expect_fault("{'descr': '<f4', 'fortran_order': False, 'shape': (1", 4,
                 "has a shape that can't be read");
}

/* Every beginning of a file is refused, whatever it ends in. */
Test(npy, refuses_what_is_cut_off) {
    open_vector("u1.npy");
    for (size_t size = 0; size < view.size; size++) {
        unsigned char *copy = malloc(size ? size : 1);
        memcpy(copy, view.bytes, size);
        const char *fault = NULL;
        cr_expect_not(npy_parse(copy, size, &array, &fault));
        cr_expect_not_null(fault);
        free(copy);
    }
}
