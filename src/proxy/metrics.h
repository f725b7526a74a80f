/* What the core counts, as text for Prometheus: of whichever proxy it is the core. Knows no service
 * and no HTTP.
 */
#ifndef PROXY_METRICS_H
#define PROXY_METRICS_H

#include <stdint.h>

struct writer;

/* prefix: "gatehouse_x_", before each name. sum: of all workers, by an index of count.h. */
void proxy_metrics_write(struct writer *w, const char *prefix,
			 uint64_t (*sum)(const void *arg, unsigned index), const void *arg);

#endif
