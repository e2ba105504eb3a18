#include "passes/object_functions.h"

#include <elf.h>
#include <string.h>

typedef struct Object {
    const char *bytes;
    size_t size;
    Elf64_Ehdr header;
} Object;

/* Copies `length` bytes at an offset; false: they are not there. */
static bool object_read(const Object *object, uint64_t offset, void *to, size_t length) {
    if (offset > object->size || object->size - offset < length)
        return false;
    memcpy(to, object->bytes + offset, length);
    return true;
}

static bool object_open(const char *bytes, size_t size, Object *object) {
    *object = (Object){.bytes = bytes, .size = size};
    return object_read(object, 0, &object->header, sizeof object->header) &&
           memcmp(object->header.e_ident, ELFMAG, SELFMAG) == 0 &&
           object->header.e_ident[EI_CLASS] == ELFCLASS64 &&
           object->header.e_ident[EI_DATA] == ELFDATA2LSB &&
           object->header.e_shentsize == sizeof(Elf64_Shdr);
}

static bool section_read(const Object *object, uint32_t number, Elf64_Shdr *section) {
    uint64_t offset;
    return number < object->header.e_shnum &&
           !__builtin_add_overflow(object->header.e_shoff, number * sizeof(Elf64_Shdr), &offset) &&
           object_read(object, offset, section, sizeof *section);
}

/* A name in a table of strings; NULL: it does not end within. */
static const char *name_read(const Object *object, const Elf64_Shdr *names, uint64_t at) {
    if (names->sh_offset > object->size || object->size - names->sh_offset < names->sh_size ||
        at >= names->sh_size)
        return NULL;
    const char *name = object->bytes + names->sh_offset + at;
    return memchr(name, 0, names->sh_size - at) ? name : NULL;
}

static bool visit_symbols(const Object *object, const Elf64_Shdr *symbols,
                          bool (*visit)(void *user, const ObjectFunction *function), void *user) {
    Elf64_Shdr names;
    if (!section_read(object, symbols->sh_link, &names))
        return false;
    for (uint64_t at = 0; symbols->sh_size - at >= sizeof(Elf64_Sym); at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        uint64_t offset;
        if (__builtin_add_overflow(symbols->sh_offset, at, &offset) ||
            !object_read(object, offset, &symbol, sizeof symbol))
            return false;
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF)
            continue;
        const ObjectFunction function = {.name = name_read(object, &names, symbol.st_name),
                                         .offset = symbol.st_value,
                                         .size = symbol.st_size,
                                         .section = symbol.st_shndx};
        if (!function.name || !visit(user, &function))
            return false;
    }
    return true;
}

bool object_functions(const char *bytes, size_t size,
                      bool (*visit)(void *user, const ObjectFunction *function), void *user) {
    Object object;
    if (!object_open(bytes, size, &object))
        return false;
    for (uint32_t i = 0; i < object.header.e_shnum; i++) {
        Elf64_Shdr section;
        if (!section_read(&object, i, &section))
            return false;
        if (section.sh_type == SHT_SYMTAB && !visit_symbols(&object, &section, visit, user))
            return false;
    }
    return true;
}

const char *object_section(const char *bytes, size_t size, const char *name, size_t *length) {
    Object object;
    Elf64_Shdr names, section;
    if (!object_open(bytes, size, &object) ||
        !section_read(&object, object.header.e_shstrndx, &names))
        return NULL;
    for (uint32_t i = 0; i < object.header.e_shnum; i++) {
        if (!section_read(&object, i, &section))
            return NULL;
        const char *found = name_read(&object, &names, section.sh_name);
        if (!found || strcmp(found, name) != 0 || section.sh_type == SHT_NOBITS)
            continue;
        if (section.sh_offset > size || size - section.sh_offset < section.sh_size)
            return NULL;
        *length = section.sh_size;
        return bytes + section.sh_offset;
    }
    return NULL;
}
