"""Import of Apache Stratos 4.1 documents: JSON in any folders becomes documents that validate."""
