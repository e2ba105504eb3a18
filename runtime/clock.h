#ifndef SCANLINE_RUNTIME_CLOCK_H
#define SCANLINE_RUNTIME_CLOCK_H

/* Seconds, of a clock that only goes forward. */
double clock_seconds(void);

#endif
