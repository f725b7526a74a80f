/* The health service of gRPC (grpc/grpc doc/health-checking.md): the message that asks and what
 * one that answers is worth. Knows no frames of HTTP/2.
 */
#ifndef REVERSE_PROXY_CHECK_GRPC_H
#define REVERSE_PROXY_CHECK_GRPC_H

#include "base/parse.h"
#include "base/writer.h"

#define REVERSE_CHECK_GRPC_PATH "/grpc.health.v1.Health/Check"

enum { REVERSE_CHECK_GRPC_QUESTION_MAX = 5 + 3 + 255 }; /* octets, of the longest service */

struct reverse_check_answer;

/* HealthCheckRequest {string service = 1} with its prefix of five octets. service: up to 255
 * octets,
 * "": the server as a whole. */
void reverse_check_grpc_ask(const char *service, struct writer *w);

/* As reverse_check_judge2: PARSE_DONE for SERVING alone. *ret_why: a fixed text, of PARSE_BAD. */
MUST enum parse reverse_check_grpc_judge(const struct reverse_check_answer *a,
					 const char **ret_why);

#endif
