{
  environment.variables.PLAIN = "yes";
}
