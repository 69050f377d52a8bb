DROP TABLE untidy_cases;
