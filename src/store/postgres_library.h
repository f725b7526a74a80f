/* PostgreSQL's client library, which is opened when the first store wants it: it drags in thirty
 * others, and few processes have a store there. Knows neither stores nor rows. Private to this
 * folder; who calls a function of libpq-fe.h by its own name does not link. */
#ifndef STORE_POSTGRES_LIBRARY_H
#define STORE_POSTGRES_LIBRARY_H

#include "store/store.h"

#include <libpq-fe.h>

#define POSTGRES_LIBRARY "libpq.so.5"

/* All that we call. */
#define POSTGRES_CALLS(CALL)                                                                       \
	CALL(PQclear)                                                                              \
	CALL(PQcmdStatus)                                                                          \
	CALL(PQconnectdbParams)                                                                    \
	CALL(PQconninfoFree)                                                                       \
	CALL(PQconninfoParse)                                                                      \
	CALL(PQconsumeInput)                                                                       \
	CALL(PQenterPipelineMode)                                                                  \
	CALL(PQerrorMessage)                                                                       \
	CALL(PQexitPipelineMode)                                                                   \
	CALL(PQfinish)                                                                             \
	CALL(PQflush)                                                                              \
	CALL(PQfreemem)                                                                            \
	CALL(PQgetCopyData)                                                                        \
	CALL(PQgetResult)                                                                          \
	CALL(PQgetlength)                                                                          \
	CALL(PQgetvalue)                                                                           \
	CALL(PQisBusy)                                                                             \
	CALL(PQntuples)                                                                            \
	CALL(PQpipelineSync)                                                                       \
	CALL(PQresultErrorField)                                                                   \
	CALL(PQresultErrorMessage)                                                                 \
	CALL(PQresultStatus)                                                                       \
	CALL(PQsendPrepare)                                                                        \
	CALL(PQsendQueryParams)                                                                    \
	CALL(PQsendQueryPrepared)                                                                  \
	CALL(PQsetErrorVerbosity)                                                                  \
	CALL(PQsetSingleRowMode)                                                                   \
	CALL(PQsetnonblocking)                                                                     \
	CALL(PQsocket)                                                                             \
	CALL(PQstatus)                                                                             \
	CALL(PQtransactionStatus)

struct postgres_library {
#define POSTGRES_MEMBER(name) __typeof__(name) *name;
	POSTGRES_CALLS(POSTGRES_MEMBER)
#undef POSTGRES_MEMBER
};

/* Opens it for as long as the process lives; any number of times, by any thread. name:
 * POSTGRES_LIBRARY. ERR_ABSENT: the linker finds it not, or cannot load it; ERR_UNSUPPORTED: a
 * function is not in it. Then reason has a sentence for the person. */
MUST enum err postgres_library_open(const char *name, char reason[STORE_REASON_MAX],
				    struct postgres_library *ret);

#endif
