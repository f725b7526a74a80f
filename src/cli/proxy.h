/* What the files of `gatehouse proxy` share. Knows no verb. */
#ifndef CLI_PROXY_H
#define CLI_PROXY_H

#include <jansson.h>
#include <stdbool.h>

extern const char proxy_service[];

/* The table of GET /backends. */
void proxy_backends_print(const json_t *answer, bool colour);
/* Of one back end: what went wrong there. */
long long proxy_failures(const json_t *b);

#endif
