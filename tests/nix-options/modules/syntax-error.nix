{
  environment.variables.A = ;
}
