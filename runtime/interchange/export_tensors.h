/* The tensors of another program from the parameters of an experiment, by a map. */
#ifndef SCANLINE_RUNTIME_EXPORT_TENSORS_H
#define SCANLINE_RUNTIME_EXPORT_TENSORS_H

#include "runtime/interchange/map_place.h"
#include "runtime/run/work.h"

/* Writes a safetensors file, f32, with {"format": "pt"}. What a file shapes as the spec does is not
 * copied; the rest takes memory once more. `work` is advanced by export_work in all. */
bool export_tensors(const PlacedMap *placed, const Experiment *experiment, float *const *parameters,
                    const char *path, Work *work, FileError *error);

/* Elements, once to be made and once to be written. */
double export_work(const PlacedMap *placed);

#endif
